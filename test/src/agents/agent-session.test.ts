import { type Agent, topics, type WireError } from '@fleetwire/protocol'
import t from 'tap'
import { removeAgent } from '../../../src/agents/remove-agent.ts'
import { draftOf } from '../../../src/log/draft.ts'
import type { EventLog } from '../../../src/log/event-log.ts'
import { deadlines, startFleet } from '../../helpers/fleet.ts'
import { refuseAppends } from '../../helpers/refuse-appends.ts'
import { until } from '../../helpers/until.ts'

t.test('[HS1] [HS2] [HS3] nothing is handled before the hello, which has a deadline', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  agent.raw('heartbeat', {})
  t.match(agent.errors, [{ code: 'not_ready' }])
  fleet.clock.advance(10_000)
  t.match(agent.closed, { code: 4408 })
  const second = fleet.agent('a1')
  await second.hello()
  second.raw('agent:connect', { bootId: 'boot1' })
  t.match(second.errors, [{ code: 'conflict' }])
})

t.test('[UP3] [UP4] [UP5] numbered frames are stored once and acknowledged, and a gap is reported', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  for (let i = 1; i <= 200; i++) agent.report('agent:error', { message: `m${i}` })
  await agent.acked(200)
  agent.raw('agent:error', { message: 'again' }, 150)
  agent.raw('agent:error', { message: 'too far' }, 202)
  await agent.until(() => agent.errors.find(e => e.code === 'gap'))
  agent.refused(201)
  await agent.acked(201)
  agent.raw('agent:error', { message: 'm202' }, 202)
  await agent.acked(202)
  const messages = fleet.events
    .filter(e => e.type === 'agent:error')
    .map(e => (e.payload as { message: string }).message)
  t.strictSame(messages, [...Array.from({ length: 200 }, (_, i) => `m${i + 1}`), 'm202'])
})

t.test('deltas that arrive together share an append, however long ago their session changed', async t => {
  const dir = t.testdir()
  const before = await startFleet(t, { dir })
  const starting = before.agent('a1')
  await starting.hello()
  const ids = { sessionId: 's1', messageId: 'm1' }
  starting.report('message:start', { ...ids, role: 'assistant' })
  await starting.acked(1)
  await before.end()

  const fleet = await startFleet(t, { dir, clock: before.clock })
  const agent = fleet.agent('a1')
  const { ackedN } = await agent.hello()
  let n = ackedN
  const acksOf = async (deltas: number) => {
    fleet.clock.advance(10)
    const from = agent.sent.length
    n += deltas
    for (let i = 0; i < deltas; i++) agent.report('message:delta', { ...ids, delta: 'b' })
    await agent.acked(n)
    return agent.sent.slice(from).filter(({ type }) => type === 'report:ack').length
  }
  t.equal(await acksOf(20), 1, 'a session from before this process started')
  const session = (await fleet.sessions.get(ids.sessionId))!
  const others = Array.from({ length: 10_000 }, (_, i) => {
    const other = { ...session, agentId: 'a2', sessionId: `other-${i}` }
    return draftOf('session:started', topics.sessionStatus('a2', other.sessionId), other, { record: 'set' })
  })
  await fleet.log.append(others)
  t.equal(await acksOf(1), 1, 'a session from before 10,000 others')
  t.equal(await acksOf(20), 1, 'after its record has been looked up once')
})

t.test('[HS6] the same boot continues from the stored number, a new boot from one', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  agent.report('agent:error', { message: 'one' })
  agent.report('agent:error', { message: 'two' })
  await agent.acked(2)
  agent.cut()
  t.match(await fleet.agent('a1').hello(), { ackedN: 2 })
  t.match(await fleet.agent('a1').hello({ bootId: 'boot2' }), { ackedN: 0 })
})

t.test('[HS4] [HS5] the newer socket wins, and continues after what arrived over the older one', async t => {
  const fleet = await startFleet(t)
  const older = fleet.agent('a1')
  await older.hello()
  for (let i = 1; i <= 50; i++) older.report('agent:error', { message: `m${i}` })
  const newer = fleet.agent('a1')
  const { ackedN } = await newer.hello()
  t.match(older.closed, { code: 4409 })
  for (let n = ackedN + 1; n <= 60; n++) newer.report('agent:error', { message: `m${n}` }, n)
  await newer.acked(60)
  const messages = fleet.events
    .filter(e => e.type === 'agent:error')
    .map(e => (e.payload as { message: string }).message)
  t.strictSame(
    messages,
    Array.from({ length: 60 }, (_, i) => `m${i + 1}`),
  )
  t.match(fleet.agents.get('a1'), { link: 'online' }, 'the close of the older socket does not take the agent offline')
})

t.test('[HS4] a delayed hello does not replace a newer connection', async t => {
  const fleet = await startFleet(t)
  const newer = fleet.agent('a1')
  await newer.hello({ connects: 3 })
  const late = fleet.agent('a1')
  late.raw('agent:connect', { bootId: 'boot1', connects: 2 })
  t.same(await late.until(() => late.closed), { code: 4409, reason: 'A newer connection of this agent took over.' })
  late.cut()
  newer.report('agent:error', { message: 'still here' })
  await newer.acked(1)
  t.equal(newer.closed, undefined)
  t.match(fleet.agents.get('a1'), { link: 'online' })
  t.match(await fleet.agent('a1').hello({ connects: 4 }), { ackedN: 1 })
  t.match(newer.closed, { code: 4409 })
  await fleet.agent('a1').hello({ bootId: 'boot2', connects: 1 })
  // A hello without a counter is judged by its time: this one waited for a node that could accept it.
  const code = await new Promise(resolve => {
    const connection = { id: 'con_x', send() {}, join() {}, error() {}, close: resolve }
    fleet.agentSession('a1', connection, 1000).onFrame({ type: 'agent:connect', payload: { bootId: 'boot3' } })
  })
  t.equal(code, 4409)
})

t.test('[UP6] when a socket is cut while its frames are being stored, the next one continues after them', async t => {
  const fleet = await startFleet(t)
  const older = fleet.agent('a1')
  await older.hello()
  for (let i = 1; i <= 100; i++) older.report('agent:error', { message: `m${i}` })
  older.cut()
  const newer = fleet.agent('a1')
  const { ackedN } = await newer.hello()
  for (let n = ackedN + 1; n <= 100; n++) newer.report('agent:error', { message: `m${n}` }, n)
  await newer.acked(100)
  const messages = fleet.events
    .filter(e => e.type === 'agent:error')
    .map(e => (e.payload as { message: string }).message)
  t.strictSame(
    messages,
    Array.from({ length: 100 }, (_, i) => `m${i + 1}`),
  )
})

t.test('[UP7] while the log refuses, frames wait in order; too many waiting frames close the socket', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const log = refuseAppends(fleet.log)
  const count = 2000
  for (let i = 1; i <= count; i++) agent.report('agent:error', { message: `m${i}` })
  await until(() => {
    fleet.clock.advance(1000)
    return log.count >= 3
  })
  t.notOk(agent.closed, 'as many as may wait')
  t.notOk(agent.sent.some(({ type }) => type === 'report:ack'))
  log.accept()
  // Until the refusal has arrived, then once: however slow the log is, the agent must not be considered silent.
  await new Promise(setImmediate)
  fleet.clock.advance(1000)
  await until(() => agent.sent.some(({ type, payload }) => type === 'report:ack' && payload.n === count))
  const messages = fleet.events.filter(e => e.type === 'agent:error').map(e => (e.payload as WireError).message)
  t.strictSame(
    messages,
    Array.from({ length: count }, (_, i) => `m${i + 1}`),
  )
  refuseAppends(fleet.log)
  for (let i = 0; i <= count; i++) agent.report('agent:error', { message: 'one too many' })
  t.match(agent.closed, { code: 1012 })
})

t.test('[AG7] [AG9] the lifecycle events are started, crashed and restarted, and stopped', async t => {
  const fleet = await startFleet(t)
  const lives = () =>
    fleet.events.filter(e => e.type === 'agent:lifecycle').map(e => (e.payload as { lifecycle: string }).lifecycle)
  const first = fleet.agent('a1')
  await first.hello({ bootId: 'b1' })
  t.strictSame(lives(), ['started'])
  first.cut()
  const second = fleet.agent('a1')
  await second.hello({ bootId: 'b2' })
  t.strictSame(lives(), ['started', 'crashed', 'restarted'])
  second.report('agent:exit', { reason: 'stopped', exitCode: 0 })
  await second.acked(1)
  second.cut()
  t.match(fleet.agents.get('a1'), { link: 'offline', status: 'offline', work: 'stopped' })
  await fleet.agent('a1').hello({ bootId: 'b3' })
  t.strictSame(lives(), ['started', 'crashed', 'restarted', 'stopped', 'started'])
})

t.test(
  '[AG1] [AG6] [CQ6] after a lost socket an agent is late at once and offline after three intervals, and its command disconnected, not failed',
  async t => {
    const fleet = await startFleet(t)
    const agent = fleet.agent('a1')
    await agent.hello()
    const { commandId } = await fleet.submit('a1')
    await agent.next('command:dispatch')
    agent.report('command:ack', { commandId, attempt: 1 })
    await agent.acked(1)
    await fleet.event(e => e.type === 'agent:status' && (e.payload as Agent).running.includes(commandId))
    t.match(fleet.agents.get('a1'), { work: 'working', evidence: 'inferred', running: [commandId] })
    agent.cut()
    t.match(fleet.agents.get('a1'), { link: 'late', status: 'online', work: 'working' })
    t.match((await fleet.event(e => e.type === 'command:progress')).payload, {
      status: 'running',
      phase: 'disconnected',
    })
    fleet.clock.advance(3 * deadlines.heartbeatMs)
    t.match((await fleet.event(e => e.type === 'agent:status' && (e.payload as Agent).link === 'offline')).payload, {
      status: 'offline',
      work: 'working',
    })
    t.match(await fleet.commandQueue.get(commandId), { status: 'running', phase: 'disconnected' })
    t.match(await fleet.submit('a1'), { status: 'queued' }, 'an offline agent has a queue')
    fleet.clock.advance(deadlines.leaseMs)
    t.match(await fleet.commandEvent(commandId, 'command:lost'), { reason: 'lease_expired' })
  },
)

t.test('[AG12] connected agents are late after a restart, and after a takeover if they do not return', async t => {
  const first = await startFleet(t)
  const { dir, clock } = first
  for (const id of ['a1', 'a2']) {
    await first.agent(id).hello()
    await first.event(e => e.topic === `agents.${id}.status` && (e.payload as Agent).link === 'online')
  }
  await first.end()

  const second = await startFleet(t, { dir, clock, takesOver: true })
  const saidOf = (id: string) =>
    second.events.filter(e => e.topic === `agents.${id}.status`).map(e => (e.payload as Agent).link)
  t.match([second.agents.get('a1'), second.agents.get('a2')], [{ link: 'online' }, { link: 'online' }])
  const back = second.agent('a1')
  await back.hello()
  clock.advance(2 * deadlines.heartbeatMs - 1)
  t.match(second.agents.get('a2'), { link: 'online' })
  back.raw('heartbeat', {})
  clock.advance(1)
  t.match(second.agents.get('a2'), { link: 'late' })
  await second.event(e => e.topic === 'agents.a2.status' && (e.payload as Agent).link === 'late')
  t.notOk(saidOf('a1').includes('late'))
  await second.end()

  const third = await startFleet(t, { dir, clock })
  t.match([third.agents.get('a1'), third.agents.get('a2')], [{ link: 'late' }, { link: 'late' }])
  clock.advance(3 * deadlines.heartbeatMs)
  t.match([third.agents.get('a1'), third.agents.get('a2')], [{ link: 'offline' }, { link: 'offline' }])
})

t.test(
  '[AG1] [AG2] a silent socket is late after two intervals and closed after three; any frame brings it back',
  async t => {
    const fleet = await startFleet(t)
    const agent = fleet.agent('a1')
    await agent.hello()
    fleet.clock.advance(2 * deadlines.heartbeatMs)
    t.match(fleet.agents.get('a1'), { link: 'late' })
    agent.raw('heartbeat', {})
    t.match(fleet.agents.get('a1'), { link: 'online' })
    fleet.clock.advance(3 * deadlines.heartbeatMs)
    t.match(agent.closed, { code: 4408 })
    t.match(fleet.agents.get('a1'), { link: 'offline' })
  },
)

t.test('[LV2] [AG11] heartbeats alone create no events; a read shows when the agent was last heard', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const count = fleet.events.length
  for (let i = 0; i < 5; i++) {
    fleet.clock.advance(deadlines.heartbeatMs)
    agent.raw('heartbeat', {})
  }
  agent.report('agent:error', { message: 'the end of the log' })
  await agent.acked(1)
  t.strictSame(
    fleet.events
      .slice(count)
      .filter(({ topic }) => !topic.startsWith('$'))
      .map(({ type }) => type),
    ['agent:error'],
  )
  t.match(fleet.agents.get('a1'), { link: 'online', lastSeenAt: fleet.clock.now() })
})

t.test('[HS7] commands that waited for an agent are sent after its greeting', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  agent.cut()
  const { commandId } = await fleet.submit('a1')
  const back = fleet.agent('a1')
  await back.hello()
  t.match(await back.next('command:dispatch'), { commandId })
  t.equal(back.sent[0]?.type, 'connection:established')
})

t.test('[LV4] a stall of the server does not count against its agents', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1')
  await agent.next('command:dispatch')
  agent.report('command:ack', { commandId, attempt: 1 })
  await agent.acked(1)
  fleet.clock.stall(deadlines.leaseMs * 2)
  fleet.clock.jump(-86_400_000)
  agent.raw('heartbeat', { running: [commandId] })
  fleet.clock.advance(deadlines.heartbeatMs)
  agent.raw('heartbeat', { running: [commandId] })
  t.equal(agent.closed, undefined)
  t.match(fleet.agents.get('a1'), { link: 'online' })
  t.match(await fleet.commandQueue.get(commandId), { status: 'running', phase: 'working' })
})

t.test(
  '[RC5] [HS6] reconcile: commands that a returning agent does not list follow onLost, the others continue',
  async t => {
    const fleet = await startFleet(t)
    const agent = fleet.agent('a1')
    await agent.hello({ maxConcurrency: 3 })
    const kept = await fleet.submit('a1')
    const gone = await fleet.submit('a1')
    const again = await fleet.submit('a1', { onLost: 'requeue' })
    for (const { commandId } of [kept, gone, again]) {
      await agent.next('command:dispatch', d => d.commandId === commandId)
      agent.report('command:ack', { commandId, attempt: 1 })
    }
    await agent.acked(3)
    agent.cut()
    fleet.clock.advance(1)
    const back = fleet.agent('a1')
    const { directives } = await back.hello({
      bootId: 'boot2',
      maxConcurrency: 3,
      inventory: [{ commandId: kept.commandId, attempt: 1, state: 'running' }],
    })
    t.strictSame(directives, [{ commandId: kept.commandId, action: 'continue' }])
    fleet.clock.advance(1000)
    t.match(await fleet.commandEvent(gone.commandId, 'command:lost'), { reason: 'agent_lost_it' })
    fleet.clock.advance(1000)
    t.match(await back.next('command:dispatch'), { commandId: again.commandId, attempt: 2, rerun: true })
    t.match(await fleet.commandQueue.get(kept.commandId), { status: 'running', phase: 'working' })
  },
)

t.test('[RC5] a result that is resent after the hello counts before the inventory is judged', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const { commandId } = await fleet.submit('a1')
  await agent.next('command:dispatch')
  agent.report('command:ack', { commandId, attempt: 1 })
  await agent.acked(1)
  agent.cut()
  fleet.clock.advance(1)
  const back = fleet.agent('a1')
  await back.hello({ inventory: [] })
  back.report('command:result', { commandId, attempt: 1, status: 'succeeded', output: 'kept' })
  await back.acked(2)
  fleet.clock.advance(1000)
  t.match(await fleet.commandQueue.get(commandId), { status: 'succeeded', output: 'kept' })
})

t.test(
  '[UP8] [UP9] [UP10] reports get stale for an older attempt, not found for another agent’s command, and stop for an ended one',
  async t => {
    const fleet = await startFleet(t)
    const agent = fleet.agent('a1')
    const other = fleet.agent('a2')
    await agent.hello()
    await other.hello()
    const { commandId } = await fleet.submit('a1')
    await agent.next('command:dispatch')
    fleet.clock.advance(deadlines.ackDeadlineMs)
    agent.raw('heartbeat', {})
    await fleet.event(e => e.type === 'command:queued' && (e.payload as { attempt: number }).attempt === 1)
    fleet.clock.advance(1000)
    await agent.next('command:dispatch', d => d.attempt === 2)
    agent.report('command:ack', { commandId, attempt: 1 })
    await agent.acked(1)
    t.match(agent.errors, [{ code: 'stale' }])
    await fleet.event(e => e.type === 'agent:error' && (e.payload as { code: string }).code === 'stale')
    other.report('command:result', { commandId, attempt: 2, status: 'succeeded' })
    await other.acked(1)
    t.match(other.errors, [{ code: 'not_found' }])
    t.match(await fleet.commandQueue.get(commandId), { status: 'dispatched' }, 'another agent cannot end it')
    other.report('command:ack', { commandId, attempt: 2 })
    t.match(await other.next('command:interrupt'), { commandId }, 'an agent that acks it nevertheless is told to stop')
    agent.report('command:ack', { commandId, attempt: 2 })
    agent.report('command:result', { commandId, attempt: 2, status: 'succeeded' })
    agent.report('command:ack', { commandId, attempt: 2 })
    await agent.acked(4)
    t.match(await agent.next('command:interrupt'), { commandId }, 'the agent is told to stop a command that has ended')
  },
)

t.test('[CS26] removing an agent ends its commands', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const running = await fleet.submit('a1')
  await agent.next('command:dispatch')
  agent.report('command:ack', { commandId: running.commandId, attempt: 1 })
  const queued = await fleet.submit('a1')
  await agent.acked(1)
  t.match(await removeAgent('a1', fleet.agents, fleet.ledger, fleet.sessions), { code: 'conflict' })
  agent.cut()
  t.equal(await removeAgent('a1', fleet.agents, fleet.ledger, fleet.sessions), undefined)
  t.match(await fleet.commandQueue.get(running.commandId), { status: 'lost', reason: 'agent_removed' })
  t.match(await fleet.commandQueue.get(queued.commandId), { status: 'cancelled' })
  t.equal(fleet.agents.has('a1'), false)
  t.match(await fleet.agent('a1').hello(), { ackedN: 0 }, 'it may return as a new agent')
})

t.test(
  '[AG13] an agent that is alive but silent about its command is shown as stalled until it reports again',
  async t => {
    const fleet = await startFleet(t)
    const agent = fleet.agent('a1')
    await agent.hello()
    const { commandId } = await fleet.submit('a1')
    const { attempt } = await agent.next('command:dispatch')
    agent.report('command:ack', { commandId, attempt })
    await fleet.commandEvent(commandId, 'command:running')
    const works = (work: Agent['work']) =>
      fleet.event(e => e.type === 'agent:status' && (e.payload as Agent).work === work, fleet.events.length)
    const stalled = works('stalled')
    agent.live(fleet.clock, 60_000)
    t.match((await stalled).payload, { link: 'online', evidence: 'guessed', detail: new RegExp(commandId) })
    const working = works('working')
    agent.live(fleet.clock, 30_000, [commandId])
    t.match((await working).payload, { evidence: 'inferred' })
  },
)

t.test('[AG14] usage is counted and published once, however often it is reported', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const usage = { source: 'api', mode: 'delta', requestId: 'r1', inputTokens: 7, model: 'm' } as const
  agent.report('usage:report', usage)
  agent.report('usage:report', usage)
  agent.report('usage:report', { ...usage, requestId: 'r2', costUsd: 0.5 })
  await agent.acked(3)
  t.equal(fleet.events.filter(e => e.type === 'usage:reported').length, 2)
  t.match(await fleet.agents.usage('a1'), { inputTokens: 14, costUsd: 0.5, requests: 2, by: [{ model: 'm' }] })
  t.same(await fleet.agents.usage('a2'), {
    ...{ agentId: 'a2', inputTokens: 0, outputTokens: 0, costUsd: 0, requests: 0, by: [] },
  })
})

t.test('[UP12] an agent that numbers every frame causes no gap', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  const other = fleet.agent('a2')
  await other.hello()
  t.match(await agent.hello({ inventory: [] }, 1), { ackedN: 1 })
  agent.raw('heartbeat', { running: [] }, 2)
  agent.raw('agent:metrics', { cpu: 1 }, 3)
  agent.raw('session:typing', { sessionId: 's', typing: true }, 4)
  agent.raw('terminal:output', { terminalId: 't', offset: 0, data: 'x', encoding: 'utf8' }, 5)
  agent.raw('agent:error', { message: 'six' }, 6)
  agent.raw('agent:connect', { bootId: 'boot1' }, 7)
  agent.raw('heartbeat', { running: [] }, 8)
  await agent.acked(8)
  t.match(agent.errors, [{ code: 'conflict' }], 'a second hello is refused, and its number is used up')
  agent.raw('agent:metrics', { cpu: 2 }, 3)
  agent.raw('heartbeat', { running: [] }, 10)
  await agent.until(() => agent.errors.find(({ code }) => code === 'gap'))
  agent.raw('heartbeat', { running: [] })
  agent.raw('agent:error', { message: 'nine' }, 9)
  await agent.acked(9)
  const metrics = fleet.events.filter(({ type }) => type === 'agent:metrics')
  t.equal(metrics.length, 1, 'a resent frame is handled once')

  const returned = fleet.agent('a1')
  t.match(await returned.hello({}, 10), { ackedN: 10 })
  t.match(await fleet.agent('a1').hello({}, 12), { ackedN: 10 }, 'a hello after a gap is still accepted')
  t.match(await fleet.agent('a1').hello({}, 1), { ackedN: 10 })
  t.match(await fleet.agent('a1').hello({ bootId: 'boot2' }, 1), { ackedN: 1 })
})

t.test('[HS8] a socket that is replaced before its greeting causes no error', async t => {
  const fleet = await startFleet(t)
  const sockets = Array.from({ length: 5 }, () => fleet.agent('a1'))
  for (const socket of sockets) {
    socket.raw('agent:connect', { bootId: 'boot1', inventory: [] })
    for (let n = 1; n <= 3; n++) socket.raw('agent:error', { message: `m${n}` }, n)
    socket.raw('heartbeat', { running: [] })
  }
  const last = sockets.at(-1)!
  await last.acked(3)
  for (const socket of sockets.slice(0, -1)) t.match(socket.closed, { code: 4409 })
  t.equal(last.closed, undefined)
  t.equal(fleet.events.filter(({ type }) => type === 'agent:error').length, 3)
})

t.test('[UP3] a report that is stored although the log said unavailable is stored once', async t => {
  const fleet = await startFleet(t)
  const log = fleet.log as { -readonly [K in keyof EventLog]: EventLog[K] }
  const { append } = log
  const agent = fleet.agent('a1')
  await agent.hello()
  let isAsked = () => {}
  const asked = new Promise<void>(resolve => {
    isAsked = resolve
  })
  let write = () => {}
  const held = new Promise<void>(resolve => {
    write = resolve
  })
  let written: Promise<unknown> = held
  log.settled = async () => {
    isAsked()
    await written
  }
  log.append = async drafts => {
    log.append = append
    written = held.then(() => append.call(log, drafts))
    return { status: 'unavailable', retryAfterMs: 1000, reason: 'nobody answers' }
  }
  agent.report('agent:error', { message: 'one' })
  await asked
  agent.report('agent:error', { message: 'two' })
  // The same process reconnects before the outcome of the first report is known.
  const again = fleet.agent('a1')
  const hello = again.hello()
  write()
  t.match(await hello, { ackedN: 1 })
  again.report('agent:error', { message: 'two' }, 2)
  await again.acked(2)
  const messages = fleet.events.filter(({ type }) => type === 'agent:error').map(({ payload }) => payload)
  t.match(messages, [{ message: 'one' }, { message: 'two' }])
  t.equal(messages.length, 2)
})

t.test('when another frame retries what waited for the log, no retry is left over', async t => {
  const fleet = await startFleet(t)
  const agent = fleet.agent('a1')
  await agent.hello()
  const refusing = refuseAppends(fleet.log)
  const before = fleet.timers.pending
  agent.report('agent:error', { message: 'one' })
  await until(() => fleet.timers.pending > before)
  t.equal(refusing.count, 1)
  refusing.accept()
  agent.report('agent:error', { message: 'two' })
  await agent.acked(2)
  fleet.clock.advance(1000)
  fleet.clock.advance(10)
  agent.report('agent:error', { message: 'three' })
  await agent.acked(3)
  t.equal(agent.closed, undefined)
})
