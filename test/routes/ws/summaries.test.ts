import { type AgentSummary, topics } from '@fleetwire/protocol'
import t from 'tap'
import { connectAgent } from '../../helpers/bare-agent.ts'
import { startApp } from '../../helpers/build.ts'
import { connectWs, type WireFrame } from '../../helpers/ws-client.ts'

const topic = topics.agentSummary('a1')
const isSummary = (fits: (summary: AgentSummary) => boolean) => (frame: WireFrame) =>
  frame.type === 'agent:summary' && fits(frame.payload as AgentSummary)

t.test(
  '[EV10] a card shows what its agent does: in events, in snapshots and after a resume, but not in the history',
  async t => {
    const server = await startApp(t)
    const { url, token, call } = server
    const viewer = await token('viewer')
    const watcher = await connectWs(t, url, viewer)
    await watcher.request('subscribe', { topics: ['agents.*.summary'] })
    const agent = await connectAgent(t, server, 'a1')
    const first = await watcher.next('agent:summary')
    t.match(first, { topic, cursor: String, at: Number, payload: { agentId: 'a1', queued: 0, openInteractions: 0 } })

    const operator = await token('operator')
    await call(operator, 'POST', '/api/v1/agents/a1/commands', { kind: 'shell', input: 'make test' })
    const { commandId, attempt } = (await agent.next('command:dispatch')).payload
    agent.say('command:ack', { commandId, attempt })
    await watcher.next(isSummary(({ current }) => current?.title === 'make test'))
    agent.say(
      'terminal:output',
      { terminalId: 'main', offset: 0, data: '\x1b[32mok\x1b[0m 1\r\n', encoding: 'utf8' },
      false,
    )
    await watcher.next(isSummary(({ lastLine }) => lastLine === 'ok 1'))

    const late = await connectWs(t, url, viewer)
    await late.request('subscribe', { topics: ['agents.a1.>'] })
    const { records } = (await late.next('snapshot')).payload as { records: { type: string; payload: AgentSummary }[] }
    const shown = records.filter(({ type }) => type === 'agent:summary')
    t.match(shown, [{ topic, payload: { lastLine: 'ok 1', current: { commandId } } }])

    // Summaries sent while nobody listens are not in the log, so no replay contains them.
    const { cursor } = late.frames.findLast(frame => frame.type === 'snapshot')!.payload as { cursor: string }
    await late.close()
    agent.say('terminal:output', { terminalId: 'main', offset: 15, data: 'ok 2\r\n', encoding: 'utf8' }, false)
    await watcher.next(isSummary(({ lastLine }) => lastLine === 'ok 2'))
    const back = await connectWs(t, url, viewer)
    back.send('dashboard:connect', { resume: { cursor }, subscribe: ['agents.a1.>'] })
    await back.next('resume:done')
    await back.next(isSummary(({ lastLine }) => lastLine === 'ok 2'))
    const cursors = watcher.frames.flatMap(frame => (frame as { cursor?: string }).cursor ?? [])
    t.equal(new Set(cursors).size, cursors.length, 'each event has its own cursor')

    const history = await call<{ items: { type: string }[] }>(viewer, 'GET', '/api/v1/events?topics=agents.a1.%3E')
    t.ok(history.body.items.length > 0)
    t.notOk(history.body.items.some(({ type }) => type === 'agent:summary'))
  },
)

t.test('[EV10] [PM9] a token that may not see an agent gets no summary of it', async t => {
  const server = await startApp(t)
  const narrow = await connectWs(t, server.url, await server.token('viewer', { agents: ['b*'] }))
  await narrow.request('subscribe', { topics: ['agents.*.summary'] })
  await connectAgent(t, server, 'a1')
  await connectAgent(t, server, 'b1')
  t.match(await narrow.next('agent:summary'), { payload: { agentId: 'b1' } })
  const late = await connectWs(t, server.url, await server.token('viewer', { agents: ['b*'] }))
  await late.request('subscribe', { topics: ['agents.*.summary'] })
  const { records } = (await late.next('snapshot')).payload as { records: { payload: AgentSummary }[] }
  t.same(
    records.map(({ payload }) => payload.agentId),
    ['b1'],
  )
})
