import type { AddressInfo } from 'node:net'
import { createServer, connect as dial, type Socket } from 'node:net'
import * as modern from '@ag-ui/client'
import type { CommandRun } from '@fleetwire/client/node'
import * as old from 'ag-ui-client-0'
import t, { type Test } from 'tap'
import { promptAgent } from '../../helpers/ag-ui.ts'
import { quietly } from '../../helpers/ag-ui-clients.ts'
import { startApp } from '../../helpers/build.ts'
import { resumableFetch } from '../../helpers/resumable-fetch.ts'
import { until } from '../../helpers/until.ts'

const libraries = [
  ['1.0', modern],
  ['0.0.59', old as unknown as typeof modern],
] as const

/** A server behind a connection that the test can cut. */
async function start(t: Test, handlers: Record<string, (run: CommandRun) => Promise<unknown>>) {
  const server = await startApp(t)
  await promptAgent(
    t,
    server,
    'a',
    Object.fromEntries(
      Object.entries(handlers).map(([kind, handler]) => [
        kind,
        async (run: CommandRun) => {
          const output = await handler(run)
          return { status: run.signal.aborted ? 'cancelled' : 'succeeded', ...(output !== undefined && { output }) }
        },
      ]),
    ),
  )
  const pairs = new Set<Socket>()
  const wire = createServer(client => {
    const to = dial(Number(new URL(server.url).port), '127.0.0.1')
    for (const socket of [client, to]) {
      pairs.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => pairs.delete(socket))
    }
    client.pipe(to).pipe(client)
  })
  await new Promise<void>(resolve => wire.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of pairs) socket.destroy()
    wire.close()
  })
  const token = await server.token('operator')
  const url = `http://127.0.0.1:${(wire.address() as AddressInfo).port}/ag-ui/agents/a`
  const cut = () => {
    for (const socket of pairs) socket.resetAndDestroy()
  }
  const http = (library: typeof modern, options: object = {}) =>
    new library.HttpAgent({
      ...{ url, threadId: 't', headers: { authorization: `Bearer ${token}` } },
      initialMessages: [{ id: 'u1', role: 'user', content: 'hi' }],
      ...options,
    })
  return { ...server, operator: token, url, cut, http }
}

for (const [name, library] of libraries) {
  t.test(
    `[UI1] [UI12] [UI13] HttpAgent ${name}: text, tools on both sides, state, failure and cancellation`,
    async t => {
      const { http, call, operator, url } = await start(t, {
        async prompt(run) {
          if (run.input === 'fail') throw new Error('no more')
          if (run.input === 'stop') {
            run.message({ messageId: 'm-stop' }).append('working')
            await new Promise(resolve => run.signal.addEventListener('abort', resolve))
            return undefined
          }
          if (String(run.input).startsWith('confirmed')) {
            run.message({ messageId: 'm-end' }).append(`you ${run.input}`)
            return undefined
          }
          const said = run.message({ messageId: 'm1', role: 'thinking' })
          said.append('hm')
          said.end()
          run.message({ messageId: 'm2' }).append('look')
          run.tool('search', { q: 1 }, { toolCallId: 't1', messageId: 'm2' }).end(['found'])
          run.state({ n: 1 })
          run.patch([{ op: 'add', path: '/list', value: [1] }])
          run.tool('confirm', { text: 'sure?' }, { toolCallId: 't2' }).end()
          return { done: true }
        },
      })
      const agent = http(library)
      let finished: { outcome?: unknown; result?: unknown } = {}
      const tools = [{ name: 'confirm', description: 'asks the user', parameters: {} }]
      const { newMessages } = await agent.runAgent(
        { tools },
        {
          onRunFinishedEvent: ({ event }) => {
            finished = event
          },
        },
      )
      t.same(finished.result, { done: true })
      t.same(
        finished.outcome,
        name === '1.0' ? { type: 'success', pendingToolCallIds: ['t2'] } : undefined,
        'older clients reject a stream that contains an outcome',
      )
      t.match(newMessages, [
        { id: 'm1', role: 'reasoning', content: 'hm' },
        {
          id: 'm2',
          role: 'assistant',
          content: 'look',
          toolCalls: [{ id: 't1' }, { id: 't2', function: { name: 'confirm' } }],
        },
        { role: 'tool', toolCallId: 't1', content: '["found"]' },
      ])
      t.equal(newMessages.length, 3)
      t.same(agent.state, { n: 1, list: [1] })

      agent.addMessage({ id: 'r2', role: 'tool', toolCallId: 't2', content: 'confirmed' })
      await agent.runAgent({ tools })
      t.match(
        agent.messages.at(-1),
        { id: 'm-end', content: 'you confirmed' },
        'the result of its tool reaches the agent',
      )

      let error: { code?: string; message?: string } = {}
      const watch: modern.AgentSubscriber = {
        onRunErrorEvent: ({ event }) => {
          error = event
        },
        onRunFinishedEvent: ({ event }) => {
          finished = event
        },
      }
      agent.addMessage({ id: 'u2', role: 'user', content: 'fail' })
      await agent.runAgent({}, watch)
      t.match(error, { message: 'no more', code: 'FAILED' })

      agent.addMessage({ id: 'u3', role: 'user', content: 'stop' })
      error = {}
      await agent.runAgent(
        {},
        {
          ...watch,
          onTextMessageContentEvent: () => {
            const path = '/ag-ui/copilotkit/agent/a/stop/t'
            void call(operator, 'POST', path, {}).then(({ body }) => t.same(body, { stopped: true }))
          },
        },
      )
      if (name === '1.0') t.same(finished.outcome, { type: 'cancelled' })
      else t.match(error, { code: 'STOPPED' })

      const foreign = http(library, { url: url.replace(/a$/, 'unknown') })
      await quietly(async () => {
        await t.rejects(foreign.runAgent(), /HTTP 404/)
      })
    },
  )

  t.test(`[UI5] HttpAgent ${name}: a response that is cut repeatedly arrives complete`, async t => {
    const words = Array.from({ length: 60 }, (_, i) => `word${i} `)
    let text = ''
    let cuts = 0
    const { http, cut } = await start(t, {
      async prompt(run) {
        const message = run.message({ messageId: 'm' })
        const tool = run.tool('write', undefined, { toolCallId: 'c' })
        for (const [i, word] of words.entries()) {
          message.append(word)
          tool.args(word)
          if (i % 12 === 6) {
            cuts++
            cut()
          }
          await until(() => text.endsWith(word))
        }
        tool.end('ok')
      },
    })
    const agent = http(library, { fetch: resumableFetch() })
    await agent.runAgent(
      {},
      {
        onTextMessageContentEvent: ({ event }) => {
          text += event.delta
        },
      },
    )
    t.match(agent.messages[1], { id: 'm', content: words.join('') })
    t.match(agent.messages[1], { toolCalls: [{ function: { arguments: words.join('') } }] })
    t.equal(text, words.join(''), 'no duplicates')
    t.equal(cuts, 5)
  })

  t.test(`[UI6] HttpAgent ${name}: a second client that joins in mid-message shows the same`, async t => {
    let go = () => {}
    const opened = new Promise<void>(resolve => {
      go = resolve
    })
    const { http, operator, url } = await start(t, {
      async prompt(run) {
        const message = run.message({ messageId: 'm' })
        const tool = run.tool('write', undefined, { toolCallId: 'c', messageId: 'm' })
        run.state({ at: 'half' })
        message.append('first half, ')
        tool.args('{"a":')
        await opened
        message.append('second half')
        tool.args('1}')
        tool.end('ok')
        run.patch([{ op: 'replace', path: '/at', value: 'end' }])
      },
    })
    class Viewer extends library.AbstractAgent {
      run() {
        const events = () => fetch(`${url}/runs/r1/events`, { headers: { authorization: `Bearer ${operator}` } })
        return library.transformHttpEventStream(library.runHttpRequest(events))
      }
    }
    const agent = http(library)
    const viewer = new Viewer({ threadId: 't' })
    let joined: Promise<unknown> = Promise.resolve()
    let isJoining = false
    const run = agent.runAgent(
      { runId: 'r1' },
      {
        onToolCallArgsEvent: () => {
          if (isJoining) return
          isJoining = true
          joined = viewer.runAgent({ runId: 'r1' }, { onMessagesSnapshotEvent: go, onToolCallStartEvent: go })
        },
      },
    )
    await run
    await joined
    t.same(viewer.messages, agent.messages)
    t.same(viewer.state, agent.state)
    t.match(viewer.messages, [{ id: 'u1', content: 'hi' }, { content: 'first half, second half' }, { content: 'ok' }])
  })
}
