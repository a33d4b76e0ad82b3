import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { Beat } from '../../../src/cluster/beats.ts'
import type { Durability } from '../../../src/cluster/cluster-node.ts'
import { NodeCondition } from '../../../src/cluster/node-condition.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

function scene(requiresFsync = false) {
  const clock = new FakeClock()
  const world = {
    ...{ position: 0, failed: undefined as string | undefined, isCutOff: false, hasActive: true, twins: 0 },
    otherKeys: [] as string[],
    ...{ durability: 'unknown' as Durability, reach: async () => 0 },
  }
  const condition = new NodeCondition({
    ...{ clock, requiresFsync, self: { node: 'a', key: 'k', tokenKeyId: 'one' } },
    position: () => world.position,
    failed: () => world.failed,
    isCutOff: () => world.isCutOff,
    hasActive: () => world.hasActive,
    durability: () => world.durability,
    reach: () => world.reach(),
    onTwin: () => {
      world.twins++
    },
    onOtherKey: node => world.otherKeys.push(node),
  })
  const beat = (fields: Partial<Beat> = {}): Beat => ({
    ...{ node: 'b', key: 'other', address: '', tokenKeyId: 'one', position: 0, term: 1 },
    ...{ isActive: false, isServing: false, isLeaving: false, ...fields },
  })
  /** Lets seconds pass, with everything that a node does in them. */
  const pass = async (seconds: number, heard: Partial<Beat>[] = []) => {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1000)
      condition.look()
      for (const fields of heard) condition.heard(beat(fields))
      await turn()
    }
  }
  return { clock, world, condition, beat, pass }
}

t.test('a node is not ready before an active one is known, but stays ready for 15 s after losing it', async t => {
  const { world, condition, pass } = scene()
  t.match(condition.flaw, /no node is active/)
  condition.roleChanged()
  t.equal(condition.flaw, undefined)
  world.hasActive = false
  condition.roleChanged()
  await pass(14)
  condition.roleChanged()
  t.equal(condition.flaw, undefined, 'an election takes less time')
  await pass(1)
  t.match(condition.flaw, /no node is active/)
  world.hasActive = true
  condition.roleChanged()
  t.equal(condition.flaw, undefined)
})

t.test('a node whose replica is 2 s behind is not ready for clients', async t => {
  const { world, condition, pass } = scene()
  condition.roleChanged()
  for (let i = 1; i <= 10; i++) {
    await pass(1, [{ position: 10 * i }])
    t.equal(condition.flaw, undefined, 'it is always behind the newest event, but never for long')
    world.position = 10 * i
  }
  t.equal(condition.lagMs, 0)
  await pass(3, [{ position: 200 }])
  t.equal(condition.lagMs, 2000)
  t.match(condition.flaw, /the replica is 2 s behind/)
  world.position = 200
  t.equal(condition.lagMs, 0)
  t.equal(condition.flaw, undefined)
})

t.test('servers without a majority are reported after 15 s, which is longer than an election takes', async t => {
  const { world, condition, pass } = scene()
  condition.roleChanged()
  world.reach = async () => {
    throw new Error('no leader')
  }
  await pass(14)
  t.equal(condition.flaw, undefined)
  await pass(1)
  t.match(condition.flaw, /the NATS servers can store nothing: they have had no majority for 15 s/)
  world.reach = async () => 20_000
  await pass(1)
  t.match(condition.flaw, /no majority/, 'a leader that hears nobody answers for a while')
  world.reach = async () => 30
  await pass(1)
  t.equal(condition.flaw, undefined)
})

t.test('another process with the same name is reported, but not a previous one', async t => {
  const { world, condition, pass } = scene()
  condition.roleChanged()
  await pass(1, [{ node: 'a', key: 'before' }])
  await pass(10, [
    { node: 'a', key: 'k' },
    { node: 'b', key: 'other' },
  ])
  t.equal(condition.flaw, undefined)
  await pass(3, [{ node: 'a', key: 'twin' }])
  t.match(condition.flaw, /another process is also node a.*FLEETWIRE_NODE/)
  t.equal(world.twins, 1)
  await pass(6)
  t.equal(condition.flaw, undefined)
})

t.test('a failed replica is reported before a node that is cut off', async t => {
  const { world, condition } = scene(true)
  condition.roleChanged()
  t.match(condition.flaw, /FLEETWIRE_NATS_REQUIRE_FSYNC/)
  world.durability = 'replicated'
  t.match(condition.flaw, /FLEETWIRE_NATS_REQUIRE_FSYNC/)
  world.durability = 'fsync'
  t.equal(condition.flaw, undefined)
  world.isCutOff = true
  t.match(condition.flaw, /cut off/)
  world.failed = 'its disk is full'
  t.match(condition.flaw, /the replica has failed: its disk is full/)
})

t.test('a node that verifies tokens with another key is reported once', async t => {
  const { world, pass } = scene()
  await pass(3, [{ node: 'b' }, { node: 'c', tokenKeyId: 'two' }])
  t.same(world.otherKeys, ['c'])
  await pass(1, [{ node: 'c' }])
  await pass(2, [{ node: 'c', tokenKeyId: 'three' }])
  t.same(world.otherKeys, ['c', 'c'], 'and again when it has a different key again')
})
