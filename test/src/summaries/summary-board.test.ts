import { type AgentSummary, type Command, topics } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { SummaryBoard } from '../../../src/summaries/summary-board.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { MemoryLog } from '../../helpers/memory-log.ts'
import { refuseAppends } from '../../helpers/refuse-appends.ts'

async function start(t: Test, log = new MemoryLog()) {
  const clock = new FakeClock()
  const changes: { topic: string; payload: unknown }[][] = []
  log.follow(events => {
    const told = events.filter(({ topic }) => topic.startsWith('$latest.'))
    if (told.length > 0) changes.push(told.map(({ topic, payload }) => ({ topic, payload })))
  })
  const tails = new Map<string, string>()
  const board = new SummaryBoard({
    ...{ log, clock },
    tailOf: (agentId, terminalId) => tails.get(`${agentId} ${terminalId}`) ?? '',
    onFault: error => t.fail(String(error)),
  })
  await board.start()
  t.teardown(() => board.stop())
  /** Changes published since the last call, by agent. */
  const told = () => changes.splice(0).flatMap(change => change.map(({ payload }) => payload as AgentSummary))
  /** Lets the time pass in which changes are collected. */
  const later = async (ms = 1000) => {
    clock.advance(ms)
    // The log delivers its appends a little later.
    await new Promise(setImmediate)
    return told()
  }
  const agent = (agentId: string) => log.add('agent:status', topics.agentStatus(agentId), { agentId, status: 'online' })
  const command = (agentId: string, commandId: string, fields: Partial<Command>) =>
    log.add(`command:${fields.status}`, topics.command(agentId, commandId), {
      ...{ agentId, commandId, kind: 'shell', input: 'make test\nmake lint', createdAt: 1, attempt: 1 },
      ...fields,
    })
  return { log, clock, board, changes, tails, told, later, agent, command }
}

test('a summary follows commands: what waits, what runs, what ended last', async t => {
  const { agent, command, later } = await start(t)
  agent('a1')
  t.strictSame(await later(), [{ agentId: 'a1', queued: 0, openInteractions: 0 }])
  command('a1', 'c1', { status: 'queued' })
  command('a1', 'c2', { status: 'queued' })
  t.match(await later(), [{ queued: 2 }])
  command('a1', 'c1', { status: 'dispatched' })
  t.match(await later(), [{ queued: 1, current: undefined }], 'its agent has not accepted it yet')
  command('a1', 'c1', { status: 'running', startedAt: 5 })
  const current = { commandId: 'c1', kind: 'shell', title: 'make test', startedAt: 5 }
  t.strictSame(await later(), [{ agentId: 'a1', current, queued: 1, openInteractions: 0 }])
  command('a1', 'c1', { status: 'running', startedAt: 5, progress: { progress: 0.5, message: 'half' } })
  t.match(await later(), [{ current: { ...current, progress: 0.5, message: 'half' } }])
  command('a1', 'c2', { status: 'running', startedAt: 7, input: { steps: ['x'] } })
  t.match(
    await later(),
    [{ current: { commandId: 'c2', title: '{"steps":["x"]}' } }],
    'of several, the one started last',
  )
  command('a1', 'c2', { status: 'failed', endedAt: 9 })
  const last = { commandId: 'c2', kind: 'shell', title: 'make test', status: 'failed', endedAt: 9 }
  t.match(await later(), [{ current: { commandId: 'c1' }, last, queued: 0 }])
  command('a1', 'c1', { status: 'succeeded', endedAt: 8 })
  t.match(await later(), [{ current: undefined, last }], 'one that ended earlier is not the last')
})

test('it follows interactions, usage, streaming text and terminals', async t => {
  const { log, board, tails, agent, later } = await start(t)
  agent('a1')
  const ask = (state: string) =>
    log.add('interaction:x', topics.interaction('a1', 'i1'), { interactionId: 'i1', agentId: 'a1', state })
  ask('open')
  t.match(await later(), [{ openInteractions: 1 }])
  ask('resolved')
  t.match(await later(), [{ openInteractions: 0 }])
  const usage = { inputTokens: 5, outputTokens: 3, costUsd: 0.1 }
  log.commit([{ type: 'usage:counted', topic: '$usage.a1', payload: { agentId: 'a1', ...usage }, record: 'set' }])
  t.match(await later(), [{ usage }])
  const say = (type: string, payload: object) =>
    log.add(type, topics.sessionMessages('a1', 's1'), { agentId: 'a1', sessionId: 's1', messageId: 'm1', ...payload })
  say('message:start', { role: 'assistant' })
  say('message:delta', { delta: 'First line\nSecond ' })
  say('message:delta', { delta: 'line' })
  t.match(await later(), [{ lastLine: 'Second line' }])
  say('message:end', { text: 'First line\nThe last word.' })
  t.match(await later(), [{ lastLine: 'The last word.' }])
  say('message:start', { messageId: 'm2' })
  say('message:delta', { messageId: 'm2', delta: '\n' })
  t.same(await later(), [], 'until there is more text, the last line is unchanged')
  say('message:delta', { messageId: 'm2', delta: 'Another' })
  say('message:delta', { messageId: 'm2', delta: ' answer' })
  t.match(await later(), [{ lastLine: 'Another answer' }], 'messages are not joined')
  tails.set('a1 main', '\x1b[1m$ make\x1b[0m\r\nok 12 tests\r\n')
  board.wrote('a1', 'main')
  t.match(await later(), [{ lastLine: 'ok 12 tests' }])
  board.wrote('a1', 'main')
  t.same(await later(), [], 'an unchanged summary is not published again')
  board.wrote('unknown', 'main')
  t.same(await later(), [])
})

test('a summary is published soon after a quiet time, then at most once a second', async t => {
  const { log, clock, agent, later } = await start(t)
  agent('a1')
  t.equal((await later(100)).length, 1)
  const say = (n: number) =>
    log.add('message:delta', topics.sessionMessages('a1', 's1'), { agentId: 'a1', delta: `\nline ${n}` })
  const said: AgentSummary[] = []
  for (let n = 1; n <= 300; n++) {
    say(n)
    said.push(...(await later(10)))
  }
  t.ok(said.length <= 3, `${said.length} in three seconds`)
  said.push(...(await later()))
  t.match(said.at(-1), { lastLine: 'line 300' }, 'the last state is always published')
  t.equal(clock.pending, 0, 'no timer runs while nothing happens')
})

test('a busy agent does not delay the others: each is published at most once a second on its own', async t => {
  const { clock, agent, command, later } = await start(t)
  const told = new Map<string, number[]>()
  const pass = async (ms: number) => {
    for (const { agentId } of await later(ms)) told.set(agentId, [...(told.get(agentId) ?? []), clock.monotonic()])
  }
  for (const id of ['busy', 'a', 'b']) agent(id)
  await pass(2000)
  told.clear()
  const begun = clock.monotonic()
  for (let n = 1; n <= 60; n++) {
    command('busy', 'c1', { status: 'running', startedAt: 1, progress: { progress: n / 100 } })
    if (n === 7) command('a', 'c2', { status: 'running', startedAt: 1 })
    if (n === 33) command('b', 'c3', { status: 'running', startedAt: 1 })
    await pass(50)
  }
  t.ok(told.get('a')![0]! - begun <= 500 && told.get('b')![0]! - begun <= 1800, 'soon after its own change')
  const gaps = told
    .get('busy')!
    .slice(1)
    .map((at, i) => at - told.get('busy')![i]!)
  t.ok(gaps.length >= 1 && gaps.every(gap => gap >= 1000 && gap <= 1100), `${gaps}`)
})

test('a command that is accepted at once shows as running, not as waiting, during its first second', async t => {
  const { agent, command, later } = await start(t)
  agent('a1')
  await later(5000)
  command('a1', 'c1', { status: 'queued' })
  await later(30)
  command('a1', 'c1', { status: 'dispatched' })
  command('a1', 'c1', { status: 'running', startedAt: 1 })
  t.match(await later(100), [{ queued: 0, current: { commandId: 'c1' } }])
})

test('a thousand agents are published in slices, each once', async t => {
  const { changes, clock, agent } = await start(t)
  for (let n = 0; n < 1000; n++) agent(`a${n}`)
  clock.advance(1000)
  await new Promise(setImmediate)
  t.equal(changes.length, 5)
  t.equal(new Set(changes.flat().map(({ topic }) => topic)).size, 1000)
})

test('the summary of a removed agent is removed; what has ended before a restart is found', async t => {
  const { log, agent, command, later, board } = await start(t)
  agent('a1')
  command('a1', 'c1', { status: 'succeeded', endedAt: 3 })
  command('a1', 'c2', { status: 'queued' })
  log.commit([
    {
      type: 'usage:counted',
      topic: '$usage.a1',
      payload: { inputTokens: 1, outputTokens: 0, costUsd: 0 },
      record: 'set',
    },
  ])
  await later()
  board.stop()
  const again = await start(t, log)
  await new Promise(setImmediate)
  t.match((await again.later()).at(-1), { last: { commandId: 'c1' }, queued: 1, usage: { inputTokens: 1 } })

  log.commit([{ type: 'agent:removed', topic: topics.agentStatus('a1'), payload: { agentId: 'a1' }, record: 'delete' }])
  again.board.wrote('a1', 'main')
  again.clock.advance(1000)
  await new Promise(setImmediate)
  t.same(again.changes, [[{ topic: '$latest.agents.a1.summary', payload: null }]])
})

test('a summary that the log did not accept is published again', async t => {
  const { log, agent, later } = await start(t)
  const append = log.append.bind(log)
  log.append = async () => ({ status: 'unavailable', retryAfterMs: 1000, reason: 'the disk is full' })
  agent('a1')
  t.same(await later(), [])
  await new Promise(setImmediate)
  log.append = append
  t.match(await later(), [{ agentId: 'a1' }])
})

test('the removal of an agent is retried, too, unless the agent has come back in the meantime', async t => {
  const { log, clock, changes, agent, later } = await start(t)
  const { append } = log
  const remove = (agentId: string) =>
    log.commit([{ type: 'agent:removed', topic: topics.agentStatus(agentId), payload: { agentId }, record: 'delete' }])
  const seen = async () => {
    clock.advance(1000)
    await new Promise(setImmediate)
    return changes.splice(0).flat()
  }
  agent('a1')
  agent('a2')
  await later()
  const refusing = refuseAppends(log)
  remove('a1')
  t.same(await seen(), [])
  refusing.accept()
  t.same(await seen(), [{ topic: '$latest.agents.a1.summary', payload: null }])
  t.equal(clock.pending, 0, 'once')

  let refuse = () => {}
  const refused = new Promise<void>(resolve => {
    refuse = resolve
  })
  log.append = async () => {
    await refused
    return { status: 'unavailable', retryAfterMs: 1000, reason: 'the disk is full' }
  }
  remove('a2')
  t.same(await seen(), [])
  log.append = append
  agent('a2')
  t.match(await seen(), [{ payload: { agentId: 'a2' } }])
  refuse()
  await new Promise(setImmediate)
  t.same(await seen(), [], 'its new summary stays')
})

test('a response of the log that arrives after the stop sets no timer', async t => {
  const { log, agent, later, board } = await start(t)
  agent('a1')
  await later()
  board.stop()
  const list = log.list.bind(log)
  let answer = () => {}
  const asked = new Promise<void>(resolve => {
    answer = resolve
  })
  log.list = async query => {
    if (query.kind === 'command') await asked
    return list(query)
  }
  log.add('command:succeeded', topics.command('a1', 'c1'), {
    ...{ agentId: 'a1', commandId: 'c1', kind: 'shell', input: '', status: 'succeeded', endedAt: 1 },
  })
  const again = await start(t, log)
  again.board.stop()
  answer()
  await new Promise(setImmediate)
  t.equal(again.clock.pending, 0)
})
