import { type Command, topics } from '@fleetwire/protocol'
import t from 'tap'
import type { AgentDirectory } from '../../../src/commands/agent-directory.ts'
import { BatchGate } from '../../../src/commands/batch-gate.ts'
import { CommandLedger } from '../../../src/commands/command-ledger.ts'
import { Dispatcher } from '../../../src/commands/dispatcher.ts'
import { SignsOfLife } from '../../../src/commands/signs-of-life.ts'
import { openSqliteLog } from '../../../src/log/sqlite-log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { deadlines } from '../../helpers/fleet.ts'
import { inSharedThread } from '../../helpers/log-thread.ts'
import { aCommand, liveStates } from './command-samples.ts'

const nobody: AgentDirectory = {
  has: () => true,
  isConnected: () => false,
  isReady: () => false,
  send: () => {},
  maxConcurrency: () => 1,
  runTimeoutMs: () => 0,
  lastSeenAt: () => 0,
}

t.test('[CD9] commands that ran before a restart become disconnected in one write, however many there are', async t => {
  const clock = new FakeClock()
  const log = await openSqliteLog({
    dir: t.testdir(),
    clock,
    startWorker: inSharedThread,
    retention: { count: 1000, ms: 86_400_000 },
  })
  t.teardown(() => log.close())
  const onFault = (error: unknown) => t.fail('a fault', { error })
  const ledger = new CommandLedger({ log, clock, retentionMs: 86_400_000 })
  const now = clock.now()
  const running = Array.from({ length: 100 }, (_, i) =>
    aCommand({ ...liveStates.working, commandId: `cmd_${i}`, agentId: `agent_${i}`, createdAt: now }),
  )
  const queued = aCommand({ commandId: 'cmd_queued', createdAt: now })
  await log.append([
    ...running.map(command => ledger.draft('command:running', command)),
    ledger.draft('command:queued', queued),
  ])

  const writes: Command[][] = []
  log.follow(events => writes.push(events.map(event => event.payload as Command)))
  await ledger.start()
  const dispatcher = new Dispatcher({
    gate: new BatchGate(),
    signs: new SignsOfLife(clock),
    ledger,
    agents: nobody,
    clock,
    ...deadlines,
    onFault,
  })
  await dispatcher.start()
  t.teardown(() => {
    dispatcher.stop()
    ledger.stop()
  })

  t.equal(writes.length, 1)
  t.strictSame(writes[0]?.map(command => command.commandId).sort(), running.map(command => command.commandId).sort())
  t.ok(writes[0]?.every(command => command.phase === 'disconnected'))
  t.strictSame((await log.get(topics.command(queued.agentId, queued.commandId)))?.payload, queued)
})

t.test('a queued command expires by elapsed time, however the wall clock jumps', async t => {
  const clock = new FakeClock()
  const log = await openSqliteLog({
    dir: t.testdir(),
    clock,
    startWorker: inSharedThread,
    retention: { count: 1000, ms: 86_400_000 },
  })
  t.teardown(() => log.close())
  const ledger = new CommandLedger({ log, clock, retentionMs: 86_400_000 })
  const queued = aCommand({ createdAt: clock.now(), queueTtlMs: 60_000 })
  await ledger.start()
  const dispatcher = new Dispatcher({
    gate: new BatchGate(),
    signs: new SignsOfLife(clock),
    ledger,
    agents: nobody,
    clock,
    ...deadlines,
    onFault: error => t.error(error),
  })
  await dispatcher.start()
  t.teardown(() => {
    dispatcher.stop()
    ledger.stop()
  })
  const statuses: string[] = []
  let onEnd = () => {}
  const ended = new Promise<void>(resolve => {
    onEnd = resolve
  })
  log.follow(events => {
    statuses.push(...events.map(event => (event.payload as Command).status))
    if (statuses.at(-1) === 'expired') onEnd()
  })
  await log.append([ledger.draft('command:queued', queued)])
  clock.jump(40 * 86_400_000)
  // The command changes while it waits.
  await log.append([ledger.draft('command:queued', { ...queued, priority: 9 })])
  clock.advance(59_000)
  await log.append([ledger.draft('command:queued', { ...queued, priority: 8 })])
  t.notOk(statuses.includes('expired'), 'it still waits')
  clock.advance(1000)
  await ended
})
