import { type Command, topics } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import type { AgentDirectory } from '../../../src/commands/agent-directory.ts'
import { BatchGate } from '../../../src/commands/batch-gate.ts'
import { CommandLedger } from '../../../src/commands/command-ledger.ts'
import type { CommandEvent } from '../../../src/commands/command-state.ts'
import { Dispatcher } from '../../../src/commands/dispatcher.ts'
import { SignsOfLife } from '../../../src/commands/signs-of-life.ts'
import { openSqliteLog } from '../../../src/log/sqlite-log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { FillableLog } from '../../helpers/fillable-log.ts'
import { deadlines } from '../../helpers/fleet.ts'
import { inSharedThread } from '../../helpers/log-thread.ts'
import { aCommand } from './command-samples.ts'

const DAY = 86_400_000
/** After a log that could not accept events; the dispatcher retries within this time. */
const RETRY_MS = 1000

/** A dispatcher on a real log that can be full, and one agent that is connected or not. */
async function stage(t: Test, before: readonly Command[] = []) {
  const clock = new FakeClock()
  const log = new FillableLog(
    await openSqliteLog({ dir: t.testdir(), clock, startWorker: inSharedThread, retention: { count: 1000, ms: DAY } }),
  )
  t.teardown(() => log.close())
  const ledger = new CommandLedger({ log, clock, retentionMs: DAY })
  const sent: string[] = []
  const agent = { isConnected: false, isReady: false }
  const agents: AgentDirectory = {
    has: () => true,
    isConnected: () => agent.isConnected,
    isReady: () => agent.isReady,
    send: (_agentId, type, payload) => agent.isReady && sent.push(`${type} ${(payload as Command).commandId}`),
    maxConcurrency: () => 1,
    runTimeoutMs: () => 0,
    lastSeenAt: () => 0,
  }
  const dispatcher = new Dispatcher({
    gate: new BatchGate(),
    signs: new SignsOfLife(clock),
    ledger,
    agents,
    clock,
    ...deadlines,
    onFault: error => t.error(error),
  })
  const add = (...commands: Command[]) =>
    log.append(commands.map(command => ledger.draft(`command:${command.status}` as 'command:queued', command)))
  if (before.length > 0) await add(...before)
  await ledger.start()
  await dispatcher.start()
  t.teardown(() => {
    dispatcher.stop()
    ledger.stop()
  })

  /** Everything begun so far is stored or refused; whatever is appended later comes after it. */
  const settle = async () => {
    await new Promise(setImmediate)
    const topic = topics.agentLog('barrier')
    await log.append([{ type: 'custom:barrier', topic, payload: {} }])
    await new Promise(setImmediate)
  }
  const connect = async () => {
    agent.isConnected = true
    agent.isReady = true
    dispatcher.linkUp('agent_1')
    await settle()
  }
  const advance = async (ms: number) => {
    clock.advance(ms)
    await settle()
  }
  const happens = async (commandId: string, event: CommandEvent) => {
    const applied = await ledger.apply(commandId, event)
    if (applied.status !== 'changed') t.fail(`${event.kind} of ${commandId}: ${applied.status}`, applied)
    await settle()
  }
  const command = async (commandId = 'cmd_1') => (await ledger.get(commandId))!
  /** A command that its agent has started. */
  const run = async (patch: Partial<Command> = {}) => {
    const given = aCommand({ createdAt: clock.now(), queueTtlMs: DAY, ...patch })
    await add(given)
    await settle()
    await happens(given.commandId, { kind: 'ack', attempt: 1 })
    return given.commandId
  }
  return { clock, log, ledger, dispatcher, agent, sent, add, settle, connect, advance, happens, command, run }
}

const isAbout = (commandId: string) => (drafts: readonly { topic: string }[]) =>
  drafts.some(({ topic }) => topic === topics.command('agent_1', commandId))

t.test(
  '[CD10] an interrupt that the log could not accept is retried, whatever its command reports in the meantime',
  async t => {
    const { log, add, settle, connect, advance, happens, command, run } = await stage(t)
    await connect()
    const running = await run()
    log.refuses = isAbout(running)
    await add(aCommand({ commandId: 'cmd_2', createdAt: aCommand().createdAt, whenBusy: 'interrupt', queueTtlMs: DAY }))
    await settle()
    t.equal(log.refused, 1)
    log.refuses = () => false
    await happens(running, { kind: 'progress', attempt: 1, progress: { message: 'half of it' } })
    await advance(RETRY_MS)
    t.match(await command(running), { status: 'running', phase: 'cancelling', reason: 'superseded' })
  },
)

t.test('[CD10] an interrupt that the log could not accept is not retried once its reason is gone', async t => {
  const { log, add, settle, connect, advance, happens, command, run } = await stage(t)
  await connect()
  const running = await run()
  log.refuses = isAbout(running)
  await add(aCommand({ commandId: 'cmd_2', createdAt: aCommand().createdAt, whenBusy: 'interrupt', queueTtlMs: DAY }))
  await settle()
  t.equal(log.refused, 1)
  log.refuses = () => false
  await happens('cmd_2', { kind: 'drop' })
  await advance(RETRY_MS)
  t.match(await command(running), { status: 'running', phase: 'working' })
})

t.test('[CD10] a lost link that the log could not accept is forgotten once the link is back', async t => {
  const { log, dispatcher, agent, settle, connect, advance, command, run } = await stage(t)
  await connect()
  const running = await run()
  log.refuses = isAbout(running)
  agent.isConnected = false
  agent.isReady = false
  await dispatcher.linkDown('agent_1')
  await settle()
  t.equal(log.refused, 1)
  // The agent sends a hello again, and is being reconciled when the retry is due.
  agent.isConnected = true
  log.refuses = () => false
  await advance(RETRY_MS)
  t.match(await command(running), { phase: 'working' }, 'before the agent is ready')
  await connect()
  await advance(5 * RETRY_MS)
  t.match(await command(running), { phase: 'working' })
  agent.isConnected = false
  agent.isReady = false
  log.refuses = isAbout(running)
  await dispatcher.linkDown('agent_1')
  log.refuses = () => false
  await advance(RETRY_MS)
  t.match(await command(running), { phase: 'disconnected' }, 'it is stored while the agent is away')
})

t.test('[CD10] [CD5] a lease whose end the log could not accept is renewed by a sign of life', async t => {
  const { log, dispatcher, connect, advance, command, run } = await stage(t)
  await connect()
  const running = await run({ runTimeoutMs: 0 })
  log.refuses = isAbout(running)
  await advance(deadlines.leaseMs)
  t.equal(log.refused, 1)
  log.refuses = () => false
  dispatcher.heard('agent_1', [running])
  await advance(RETRY_MS)
  t.match(await command(running), { status: 'running' })
  await advance(deadlines.leaseMs)
  t.match(await command(running), { status: 'lost', reason: 'lease_expired' })
})

t.test('[CD10] every deadline that passes while the log is full takes effect later', async t => {
  const { log, connect, add, advance, happens, settle, command, run, sent } = await stage(t)
  await connect()
  const full = async (commandId: string, ms: number) => {
    const refused = log.refused
    log.refuses = isAbout(commandId)
    await advance(ms)
    await advance(RETRY_MS)
    t.equal(log.refused - refused, 2, `${commandId}: it was tried twice`)
    log.refuses = () => false
    await advance(RETRY_MS)
  }
  const timed = await run({ commandId: 'timed', runTimeoutMs: 5000 })
  await full(timed, 5000)
  t.match(await command(timed), { phase: 'cancelling', reason: 'run_timeout' })
  await advance(deadlines.cancelDeadlineMs)
  t.equal(sent.filter(frame => frame === 'command:interrupt timed').length, 2, 'requested, then forced')
  await full(timed, 5000)
  t.match(await command(timed), { status: 'timed_out', confirmed: false })

  await run({ commandId: 'blocks', runTimeoutMs: 0 })
  await add(aCommand({ commandId: 'late', queueTtlMs: 60_000 }))
  await full('late', 60_000)
  t.match(await command('late'), { status: 'expired' })

  await happens('blocks', { kind: 'result', attempt: 1, outcome: { status: 'succeeded' } })
  await add(aCommand({ commandId: 'unheard', queueTtlMs: DAY }))
  await settle()
  t.match(await command('unheard'), { status: 'dispatched', attempt: 1 })
  await full('unheard', deadlines.ackDeadlineMs)
  t.match(await command('unheard'), { reason: 'no_ack' })
})

t.test('[CD11] a requeued command keeps its time to live, however the wall clock jumps', async t => {
  for (const [jump, why] of [
    [40 * DAY, 'ahead'],
    [-40 * DAY, 'back'],
  ] as const) {
    const { clock, agent, connect, advance, happens, command, run } = await stage(t)
    await connect()
    const id = await run({ queueTtlMs: 100_000, runTimeoutMs: 0, onLost: 'requeue' })
    await advance(10_000)
    clock.jump(jump)
    agent.isReady = false
    await happens(id, { kind: 'denied', lastSeenAt: 0 })
    await advance(0)
    t.match(await command(id), { status: 'queued', reason: 'requeued' }, why)
    await advance(89_000)
    t.match(await command(id), { status: 'queued' }, `${why}: it still waits`)
    await advance(1000)
    t.match(await command(id), { status: 'expired' }, `${why}: it expires on time`)
  }
})

t.test('[CD11] a time to live that ends during a dispatch ends the command when it is queued again', async t => {
  const { connect, add, advance, settle, happens, command, agent } = await stage(t)
  await connect()
  await add(aCommand({ queueTtlMs: 5000 }))
  await settle()
  await advance(6000)
  t.match(await command(), { status: 'dispatched' })
  agent.isReady = false
  await happens('cmd_1', { kind: 'reject', attempt: 1, reason: 'busy' })
  await advance(0)
  t.match(await command(), { status: 'expired' })
})

t.test('[CD12] a new time to live counts from when the command was accepted', async t => {
  const { add, advance, happens, command, clock } = await stage(t)
  await add(aCommand({ queueTtlMs: 60_000 }))
  await advance(10_000)
  clock.jump(40 * DAY)
  await happens('cmd_1', { kind: 'edit', changes: { queueTtlMs: 20_000 } })
  await advance(9000)
  t.match(await command(), { status: 'queued' })
  await advance(1000)
  t.match(await command(), { status: 'expired' })
})

t.test(
  '[CD11] a run is timed by its actual running time, however the wall clock jumps and whatever it reports',
  async t => {
    for (const jump of [40 * DAY, -40 * DAY]) {
      const { clock, connect, advance, happens, command, run } = await stage(t)
      await connect()
      const id = await run({ runTimeoutMs: 60_000 })
      const report = (message: string) => happens(id, { kind: 'progress', attempt: 1, progress: { message } })
      clock.jump(jump)
      await report('on my way')
      await advance(20_000)
      t.match(await command(id), { phase: 'working' })
      await happens(id, { kind: 'wait' })
      clock.jump(jump)
      await advance(100_000)
      t.match(await command(id), { phase: 'waiting_input' }, 'waiting does not count')
      await happens(id, { kind: 'resume' })
      clock.jump(-jump)
      await report('still here')
      await advance(39_000)
      t.match(await command(id), { phase: 'working' })
      await advance(1000)
      t.match(await command(id), { phase: 'cancelling', reason: 'run_timeout' })
    }
  },
)

t.test('[CD11] each run has the full time', async t => {
  const { clock, connect, advance, happens, command, run, settle } = await stage(t)
  await connect()
  const id = await run({ runTimeoutMs: 10_000, onLost: 'requeue' })
  await advance(9000)
  await happens(id, { kind: 'denied', lastSeenAt: 0 })
  clock.jump(40 * DAY)
  await advance(10_000)
  await settle()
  await happens(id, { kind: 'ack', attempt: (await command(id)).attempt })
  await advance(9000)
  t.match(await command(id), { status: 'running', phase: 'working' })
  await advance(1000)
  t.match(await command(id), { phase: 'cancelling', reason: 'run_timeout' })
})

t.test('[CD11] a dispatcher that is stopped and started again continues with the times that it knew', async t => {
  const { clock, connect, add, advance, command, run, dispatcher, settle } = await stage(t)
  await connect()
  const id = await run({ runTimeoutMs: 60_000 })
  await add(aCommand({ commandId: 'waits', queueTtlMs: 60_000 }))
  await settle()
  dispatcher.stop()
  clock.jump(40 * DAY)
  clock.advance(10_000)
  await dispatcher.start()
  await advance(49_000)
  t.match(await command(id), { status: 'running', phase: 'working' })
  t.match(await command('waits'), { status: 'queued' })
  await advance(1000)
  t.match(await command(id), { cancelRequestedAt: Number, reason: 'run_timeout' })
  t.match(await command('waits'), { status: 'expired' })
})

t.test('after a restart the wall clock determines how long a command has waited and run', async t => {
  const now = aCommand().createdAt
  const base = { createdAt: now - 30_000, queueTtlMs: 40_000 }
  const run = { status: 'running', attempt: 1, startedAt: now - 25_000, waitedMs: 5000, phase: 'working' } as const
  const { advance, command } = await stage(t, [
    aCommand({ ...base, commandId: 'waits' }),
    aCommand({ ...base, ...run, commandId: 'runs', runTimeoutMs: 30_000 }),
    aCommand({ ...base, ...run, commandId: 'asks', runTimeoutMs: 30_000, waitingSince: now - 10_000 }),
  ])
  await advance(9000)
  t.match(await command('waits'), { status: 'queued' })
  t.notMatch(await command('runs'), { cancelRequestedAt: Number })
  await advance(1000)
  t.match(await command('waits'), { status: 'expired' })
  t.match(await command('runs'), { cancelRequestedAt: Number, reason: 'run_timeout' })
  await advance(100_000)
  t.notMatch(await command('asks'), { cancelRequestedAt: Number }, 'its clock is stopped')
})
