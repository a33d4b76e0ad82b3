import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Clock } from '../../../../src/clock.ts'
import {
  appendForwarded,
  type ForwardedAnswer,
  ForwardingLog,
} from '../../../../src/cluster/forwarding/forwarding-log.ts'
import { HeadWatch } from '../../../../src/cluster/log/head-watch.ts'
import { openReplicatedLog, type ReplicatedLog } from '../../../../src/cluster/log/replicated-log.ts'
import type { EventDraft } from '../../../../src/log/event-log.ts'
import { eventLogContract } from '../../../contract/event-log.ts'
import { append, commandDraft, note, numbers, readAll } from '../../../contract/event-log-harness.ts'
import { FakeClock } from '../../../helpers/fake-clock.ts'
import { temporaryFolder } from '../../../helpers/log-folder.ts'
import { inSharedThread } from '../../../helpers/log-thread.ts'
import { MemoryCommitStream, MemoryStreamStore } from '../../../helpers/memory-commit-stream.ts'
import { MemoryLogWorker, MemoryReplica } from '../../../helpers/memory-log-worker.ts'
import { ShiftedClock } from '../../../helpers/shifted-clock.ts'
import { inFull, size } from '../../../helpers/sizes.ts'

/** Whether the replicas of the contract are files. They also pass it in memory (`replicated-log-memory.test.ts`). */
const ON_FILES = size('FORWARDED_ON_FILES', { quick: 0, full: 1 }) > 0

type Ask = (leader: ReplicatedLog, drafts: readonly EventDraft[]) => Promise<ForwardedAnswer | undefined>

t.setTimeout(120_000)

interface Options {
  dirs?: string[]
  store?: MemoryStreamStore
  retention?: { count: number; ms: number } | undefined
  ask?: Ask
  /** Instead of files. */
  replicas?: [leader: MemoryReplica, other: MemoryReplica]
}

const overTheWire = <T>(value: T): T => JSON.parse(JSON.stringify(value))
const asItIs: Ask = async (leader, drafts) => overTheWire(await appendForwarded(leader, overTheWire(drafts)))

/** A node that does not lead, next to one that does. */
async function twoNodes(t: Test, clock: Clock, options: Options = {}) {
  const { store = new MemoryStreamStore(), ask = asItIs, dirs = [temporaryFolder(t), temporaryFolder(t)] } = options
  const open = async (node: string, dir: string, memory?: MemoryReplica) => {
    const stream = new MemoryCommitStream(store, clock)
    const { retention = { count: 1e9, ms: 1e12 } } = options
    const startWorker = memory ? MemoryLogWorker.start(memory, setImmediate) : inSharedThread
    const opened = { stream, dir, clock, retention, node: { node, address: '' } }
    const replica = await openReplicatedLog({ ...opened, startWorker })
    t.teardown(() => replica.close())
    return { stream, replica }
  }
  const { replica: leader } = await open('leader', dirs[0]!, options.replicas?.[0])
  await leader.lead()
  const { stream, replica } = await open('other', dirs[1]!, options.replicas?.[1])
  const head = new HeadWatch(replica, clock)
  const caughtUp = (seq: number, timeoutMs: number) => head.reached(seq, timeoutMs)
  const log = new ForwardingLog({ replica, ask: drafts => ask(leader, drafts), caughtUp, clock })
  return { leader, stream, replica, log }
}

eventLogContract(
  t,
  'a node that does not lead',
  async (t, { retention } = {}) => {
    const clock = new ShiftedClock()
    const kept = (epoch: string): Options => ({
      dirs: [temporaryFolder(t), temporaryFolder(t)],
      store: new MemoryStreamStore(epoch),
      ...(!ON_FILES && { replicas: [new MemoryReplica(epoch), new MemoryReplica(epoch)] }),
    })
    const options = { ...kept('one'), retention }
    let nodes = await twoNodes(t, clock, options)
    return {
      log: nodes.log,
      async reopen() {
        await Promise.all([nodes.log.close(), nodes.leader.close()])
        nodes = await twoNodes(t, clock, options)
        return nodes.log
      },
      another: async () => (await twoNodes(t, clock, kept('two'))).log,
      async elapse(ms) {
        clock.advance(ms)
        await nodes.leader.retain()
        await nodes.replica.sync()
      },
    }
  },
  inFull,
)

t.test('an append resolves once the replica has it and its followers were notified', async t => {
  const { log, leader, stream, replica } = await twoNodes(t, new FakeClock())
  const told: number[] = []
  log.follow(events => told.push(...numbers(events)))
  await append(log, note(1))
  t.same(told, [1])
  t.equal(log.head, leader.head)
  stream.isCut = true
  let isSettled = false
  const appended = log.append([note(2)]).then(() => {
    isSettled = true
  })
  while (leader.head === replica.head) await turn()
  for (let i = 0; i < 20; i++) await turn()
  t.notOk(isSettled)
  stream.isCut = false
  await replica.sync()
  await appended
  t.same(told, [1, 2])
})

t.test('a conflict is returned once the replica has the event that caused it', async t => {
  const { log, leader } = await twoNodes(t, new FakeClock())
  const [first] = await append(leader, commandDraft('c1'))
  const conflict = await log.append([commandDraft('c1', {}, { expect: 0 })])
  t.match(conflict, { status: 'conflict', current: { version: first!.seq } })
  t.match(await log.get('agents.a1.commands.c1'), { version: first!.seq })
})

t.test(
  'after a node resigns, the append goes to the next leader, and a silent node leaves the outcome open',
  async t => {
    const clock = new FakeClock()
    const asked: string[] = []
    const { log, leader, replica } = await twoNodes(t, clock, {
      ask: async (leader, drafts) => {
        asked.push(leader.isLeading ? 'leads' : 'does not')
        if ((drafts[0]!.payload as { n: number }).n === 2) throw new Error('Node leader does not answer')
        return asItIs(leader, drafts)
      },
    })
    await leader.resign()
    let isSettled = false
    const appended = log.append([note(1)]).finally(() => {
      isSettled = true
    })
    while (asked.length < 3) {
      clock.advance(50)
      await turn()
    }
    t.same(asked, ['does not', 'does not', 'does not'])
    t.notOk(isSettled)
    const open = log.append([note(2)])
    t.match(await open, {
      status: 'unavailable',
      mayBeWritten: true,
      reason: /does not answer; it may still be written/,
    })
    // In the end, this node itself leads.
    await replica.lead()
    clock.advance(50)
    while (!isSettled) await turn()
    t.same((await appended).status, 'ok', JSON.stringify(await appended))
    t.same(numbers(await readAll(leader, ['>'], 10)), [1])
  },
)

t.test('without a leader an append is finally refused, and nothing is written', async t => {
  const clock = new FakeClock()
  const { log } = await twoNodes(t, clock, { ask: async () => undefined })
  let isSettled = false
  const appended = log.append([note(1)]).finally(() => {
    isSettled = true
  })
  while (!isSettled) {
    clock.advance(50)
    await turn()
  }
  t.match(await appended, { status: 'unavailable', reason: /no node is active; nothing was written/ })
})
