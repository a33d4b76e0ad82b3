import { HttpAgent } from '@ag-ui/client'
import { AgentClient } from '@fleetwire/client/node'
import { openRun } from '../../helpers/ag-ui.ts'
import type { Killed } from '../../helpers/killed-server.ts'
import { resumableFetch } from '../../helpers/resumable-fetch.ts'
import { size } from '../../helpers/sizes.ts'
import { until } from '../../helpers/until.ts'

const KILLS = size('AG_UI_KILLS', { quick: 1, full: 3 })

/** An AG-UI client that follows an answer, and one that reads its frames. */
export const agUiClient: Killed = async (t, server) => {
  const { url } = server
  const words = Array.from({ length: 24 }, (_, i) => `word${i} `)
  let text = ''
  const agent = new AgentClient({
    ...{
      url,
      token: await server.mint('ag-ui-told', 'agent'),
      reconnect: { baseMs: 50, capMs: 200, stableMs: 10_000, maxHintMs: 1000 },
    },
    handlers: {
      async prompt(run) {
        const message = run.message({ messageId: 'm' })
        const call = run.tool('write', undefined, { toolCallId: 'c', messageId: 'm' })
        for (const [i, word] of words.entries()) {
          message.append(word)
          call.args(word)
          if (i % 8 === 4 && before.length < KILLS) await kill()
          await until(() => text.endsWith(word))
        }
        call.end('ok')
        return { status: 'succeeded', output: 'done' }
      },
    },
  })
  t.teardown(() => agent.stop({ graceMs: 0 }))
  const online = new Promise<void>(resolve => {
    agent.status.subscribe(({ state }) => state === 'online' && resolve())
  })
  await agent.start()
  await online
  const operator = await server.mint('ann', 'operator')
  const http = new HttpAgent({
    ...{ url: `${url}/ag-ui/agents/ag-ui-told`, threadId: 't', headers: { authorization: `Bearer ${operator}` } },
    initialMessages: [{ id: 'u', role: 'user', content: 'write' }],
    fetch: resumableFetch(),
  })
  const before: string[][] = []
  async function kill() {
    const viewer = await openRun(t, `${url}/ag-ui/agents/ag-ui-told/runs/r/events`, {
      token: operator,
      lastEventId: 'r:0',
    })
    await viewer.event('TEXT_MESSAGE_START')
    await server.kill()
    await viewer.ended.catch(() => {})
    before.push(viewer.frames.map(({ id, event }) => `${id} ${JSON.stringify(event)}`))
    await server.restart()
  }
  await http.runAgent(
    { runId: 'r' },
    {
      onTextMessageContentEvent: ({ event }) => {
        text += event.delta
      },
    },
  )
  t.equal(text, words.join(''), 'no character is lost or duplicated')
  t.match(http.messages, [
    { id: 'u' },
    { id: 'm', content: words.join(''), toolCalls: [{ function: { arguments: words.join('') } }] },
    { role: 'tool', content: 'ok' },
  ])
  const whole = await openRun(t, `${url}/ag-ui/agents/ag-ui-told/runs/r/events`, {
    token: operator,
    lastEventId: 'r:0',
  })
  await whole.all()
  const after = whole.frames.map(({ id, event }) => `${id} ${JSON.stringify(event)}`)
  t.equal(before.length, KILLS)
  for (const frames of before) t.same(frames, after.slice(0, frames.length), 'each frame keeps its id')
  t.match(whole.frames.at(-1)!.event, { type: 'RUN_FINISHED', result: 'done' })
}
