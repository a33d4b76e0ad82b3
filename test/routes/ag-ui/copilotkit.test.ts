import type { CommandRun } from '@fleetwire/client/node'
import t, { type Test } from 'tap'
import { bodyOf, openRun, promptAgent } from '../../helpers/ag-ui.ts'
import { startApp } from '../../helpers/build.ts'

async function start(t: Test, prompt: (run: CommandRun) => Promise<void>) {
  const server = await startApp(t)
  await promptAgent(t, server, 'a', {
    async prompt(run) {
      await prompt(run)
      return { status: run.signal.aborted ? 'cancelled' : 'succeeded' }
    },
  })
  const token = await server.token('operator')
  const base = '/ag-ui/copilotkit'
  // CopilotKit's client is version 0.0.59 and sends no protocol version.
  const body = (fields: object = {}) => bodyOf({ protocolVersion: undefined, ...fields })
  const open = (path: string, fields: object = {}) =>
    openRun(t, server.url + base + path, { token, body: body(fields) })
  const single = (method: string, params: object, fields: object = {}) =>
    openRun(t, server.url + base, { token, body: { method, params, body: body(fields) } })
  const call = (method: string, path: string, sent?: object) => server.call<object>(token, method, base + path, sent)
  return { ...server, operator: token, open, single, ask: call }
}

const stopped = ({ signal }: CommandRun) =>
  signal.aborted ? undefined : new Promise(resolve => signal.addEventListener('abort', resolve))

t.test('[UI16] info, run, connect and stop work the way CopilotKit calls them', async t => {
  const { open, ask, token, call } = await start(t, async run => {
    run.message({ messageId: 'm' }).append('one ')
    await stopped(run)
  })
  t.match(await ask('GET', '/info'), {
    status: 200,
    body: { version: String, mode: 'sse', agents: { a: { name: 'a', description: 'a', className: 'agent' } } },
  })
  const narrow = await token('viewer', { agents: ['b'] })
  t.match((await call<{ agents: object }>(narrow, 'GET', '/ag-ui/copilotkit/info')).body.agents, {})
  const nothing = await open('/agent/a/connect', { messages: [] })
  t.same(
    (await nothing.all()).map(({ type }) => type),
    ['RUN_STARTED', 'RUN_FINISHED'],
    'an unknown thread has nothing to show',
  )
  const run = await open('/agent/a/run')
  await run.event('TEXT_MESSAGE_CONTENT')
  const tab = await open('/agent/a/connect', { runId: 'connect-1', messages: [] })
  t.match(await tab.event('RUN_STARTED'), { threadId: 'thread', runId: 'run' }, 'the live run')
  t.match(await tab.event('MESSAGES_SNAPSHOT'), { messages: [{ id: 'u1' }, { id: 'm', content: 'one ' }] })
  t.same((await ask('POST', '/agent/a/stop/other')).body, { stopped: false })
  t.same((await ask('POST', '/agent/a/stop/thread')).body, { stopped: true })
  for (const stream of [run, tab]) t.match((await stream.all()).at(-1), { type: 'RUN_ERROR', code: 'STOPPED' })
  t.same((await ask('POST', '/agent/a/stop/thread')).body, { stopped: false })
  const later = await open('/agent/a/connect', { messages: [] })
  t.match(
    (await later.all()).map(({ type }) => type),
    ['RUN_STARTED', 'STATE_SNAPSHOT', 'MESSAGES_SNAPSHOT', 'RUN_ERROR'],
  )
  t.equal((await ask('POST', '/agent/none/connect', bodyOf())).status, 404)
})

t.test('[UI16] a single route serves all of them', async t => {
  const { single, ask, operator, call, token } = await start(t, async run => {
    run.message({ messageId: 'm' }).append(`${run.input}!`)
  })
  t.match((await ask('POST', '', { method: 'info' })).body, { agents: { a: {} } })
  const run = await single('agent/run', { agentId: 'a' })
  t.match(await run.event('TEXT_MESSAGE_CONTENT'), { delta: 'hello!' })
  t.match((await run.all()).at(-1), { type: 'RUN_FINISHED' })
  const tab = await single('agent/connect', { agentId: 'a' }, { messages: [] })
  t.match((await tab.all())[2], { type: 'MESSAGES_SNAPSHOT', messages: [{}, { content: 'hello!' }] })
  t.same((await ask('POST', '', { method: 'agent/stop', params: { agentId: 'a', threadId: 'thread' } })).body, {
    stopped: false,
  })
  for (const [sent, status] of [
    [{ method: 'agent/what' }, 400],
    [{ method: 'agent/run', params: {} }, 400],
    [{ method: 'agent/run', params: { agentId: 'a' }, body: { threadId: 't' } }, 400],
    [{ method: 'agent/stop', params: { agentId: 'a' } }, 400],
    [{ method: 'agent/run', params: { agentId: 'none' }, body: bodyOf() }, 404],
  ] as const)
    t.equal((await ask('POST', '', sent)).status, status, JSON.stringify(sent))
  const viewer = await token('viewer')
  const path = '/ag-ui/copilotkit'
  const asViewer = await call(viewer, 'POST', path, { method: 'agent/run', params: { agentId: 'a' }, body: bodyOf() })
  t.equal(asViewer.status, 403, 'the rights of the route that the method stands for apply')
  t.equal((await call(operator, 'GET', path)).status, 405)
})
