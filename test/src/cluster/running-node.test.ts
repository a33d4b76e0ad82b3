import t, { type Test } from 'tap'
import type { Clock } from '../../../src/clock.ts'
import { PacketBus } from '../../../src/cluster/bus/packet-bus.ts'
import { openReplicatedLog, type ReplicatedLog } from '../../../src/cluster/log/replicated-log.ts'
import { RunningNode } from '../../../src/cluster/running-node.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { temporaryFolder } from '../../helpers/log-folder.ts'
import { inSharedThread } from '../../helpers/log-thread.ts'
import { MemoryCommitStream, MemoryStreamStore } from '../../helpers/memory-commit-stream.ts'
import { MemoryNetwork } from '../../helpers/memory-node-bus.ts'

async function openReplica(t: Test, clock: Clock): Promise<ReplicatedLog> {
  const log = await openReplicatedLog({
    ...{ stream: new MemoryCommitStream(new MemoryStreamStore('one'), clock), dir: temporaryFolder(t), clock },
    ...{ retention: { count: 1e9, ms: 1e12 }, node: { node: 'a', address: '' }, startWorker: inSharedThread },
  })
  t.teardown(() => log.close())
  return log
}

t.test('closing a node ends all waits for an active one, and leaves no timer behind', async t => {
  const clock = new FakeClock()
  const replica = await openReplica(t, clock)
  const network = new MemoryNetwork(clock)
  const bus = () => new PacketBus({ node: 'a', clock, wire: network.join('a'), onFault: error => t.error(error) })
  const node = new RunningNode({
    ...{ self: { node: 'a', key: 'key of a', address: '' }, replica, clock },
    ...{ beats: { send() {}, listen: () => () => {} }, bus: bus(), terminalBus: bus() },
    ...{ onFault: error => t.error(error), onNote() {}, durability: () => 'unknown', requiresFsync: false },
    disconnect: () => replica.close(),
  })
  const waiting = node.whenActive(60_000)
  await node.close()
  t.equal(await waiting, undefined)
  t.equal(await node.whenActive(60_000), undefined)
  t.equal(clock.pending, 0)
})

t.test('a log that has resigned leaves no timer behind', async t => {
  const clock = new FakeClock()
  const log = await openReplica(t, clock)
  await log.lead()
  await log.resign(true)
  await log.close()
  t.equal(clock.pending, 0)
})
