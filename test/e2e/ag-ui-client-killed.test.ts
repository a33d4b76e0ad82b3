import { randomBytes } from 'node:crypto'
import { HttpAgent } from '@ag-ui/client'
import { AgentClient } from '@fleetwire/client/node'
import { test } from 'tap'
import { openRun } from '../helpers/ag-ui.ts'
import { hmacToken } from '../helpers/foreign-token.ts'
import { adminToken, fleetwire, freePort } from '../helpers/processes.ts'
import { resumableFetch } from '../helpers/resumable-fetch.ts'
import { size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

const KILLS = size('AG_UI_KILLS', { quick: 1, full: 3 })

test('[UI4] [UI5] the server is killed with -9 in mid-run, again and again: the answer of the run arrives whole', async t => {
  const port = await freePort()
  const secret = randomBytes(32).toString('hex')
  const token = (sub: string, role: string) => hmacToken(secret, { sub, role, jti: `jti-${sub}` })
  const dataDir = t.testdir()
  const serve = async () => {
    const server = fleetwire(t, ['serve'], {
      FLEETWIRE_PORT: String(port),
      FLEETWIRE_DATA_DIR: dataDir,
      FLEETWIRE_JWT_SECRET: secret,
    })
    await server.printed(/listens at/)
    return server
  }
  let server = await serve()
  const url = `http://127.0.0.1:${port}`
  const words = Array.from({ length: 24 }, (_, i) => `word${i} `)
  let text = ''
  const agent = new AgentClient({
    ...{ url, token: token('a', 'agent'), reconnect: { baseMs: 50, capMs: 200, stableMs: 10_000, maxHintMs: 1000 } },
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
  const operator = token('ann', 'operator')
  const http = new HttpAgent({
    ...{ url: `${url}/ag-ui/agents/a`, threadId: 't', headers: { authorization: `Bearer ${operator}` } },
    initialMessages: [{ id: 'u', role: 'user', content: 'write' }],
    fetch: resumableFetch(),
  })
  const before: string[][] = []
  async function kill() {
    const viewer = await openRun(t, `${url}/ag-ui/agents/a/runs/r/events`, { token: operator, lastEventId: 'r:0' })
    await viewer.event('TEXT_MESSAGE_START')
    await server.kill('SIGKILL')
    await viewer.ended.catch(() => {})
    before.push(viewer.frames.map(({ id, event }) => `${id} ${JSON.stringify(event)}`))
    server = await serve()
  }
  await http.runAgent(
    { runId: 'r' },
    {
      onTextMessageContentEvent: ({ event }) => {
        text += event.delta
      },
    },
  )
  t.equal(text, words.join(''), 'no character is lost, none comes twice')
  t.match(http.messages, [
    { id: 'u' },
    { id: 'm', content: words.join(''), toolCalls: [{ function: { arguments: words.join('') } }] },
    { role: 'tool', content: 'ok' },
  ])
  const whole = await openRun(t, `${url}/ag-ui/agents/a/runs/r/events`, { token: operator, lastEventId: 'r:0' })
  await whole.all()
  const after = whole.frames.map(({ id, event }) => `${id} ${JSON.stringify(event)}`)
  t.equal(before.length, KILLS)
  for (const frames of before) t.same(frames, after.slice(0, frames.length), 'each frame has the id that it had')
  t.match(whole.frames.at(-1)!.event, { type: 'RUN_FINISHED', result: 'done' })
})

test('[UI2] HttpAgent drives fleetwire agent exec', async t => {
  const server = fleetwire(t, ['serve', '--local-agent', '--port', '0', '--data-dir', t.testdir()], {
    SHELL: '/bin/sh',
  })
  const [, url] = await server.printed(/listens at (\S+)/)
  const admin = await adminToken(server)
  await server.printed(/agent "local" is connected/)
  const http = new HttpAgent({
    ...{ url: `${url}/ag-ui/agents/local`, threadId: 't', headers: { authorization: `Bearer ${admin}` } },
    initialMessages: [{ id: 'u', role: 'user', content: 'echo "hello $((20 + 22))"' }],
  })
  await http.runAgent()
  t.match(http.messages[1], { role: 'assistant', content: /hello 42/ })
  const codes: unknown[] = []
  http.addMessage({ id: 'u2', role: 'user', content: 'echo oh; exit 3' })
  await http.runAgent({}, { onRunErrorEvent: ({ event }) => void codes.push(event.message) })
  t.match(codes, [/exit code 3/])
  t.match(http.messages.at(-1), { role: 'assistant', content: /oh/ }, 'what it printed is told all the same')
})
