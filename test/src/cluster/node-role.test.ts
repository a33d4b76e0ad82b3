import t from 'tap'
import { SimulatedNodes } from '../../helpers/simulated-nodes.ts'

const names = (world: SimulatedNodes) => world.active.map(({ name }) => name)

const started = async () => {
  const world = new SimulatedNodes(1, ['a', 'b', 'c'])
  const took = await world.until(() => world.active.some(({ isRunning }) => isRunning))
  const [active] = world.active
  const others = world.nodes.filter(node => node !== active)
  await world.pass(3000)
  return { world, active: active!, others, took }
}

t.test('of nodes that start together, one becomes active at once', async t => {
  const { world, active, others, took } = await started()
  t.ok(took <= 1500, `${took} ms`)
  t.same(names(world), [active.name])
  for (const { log } of others) t.match(log.leader, { node: active.name, term: 1 })
  t.same(active.role.members.map(({ node }) => node).toSorted(), ['a', 'b', 'c'])
  await world.pass(60_000)
  t.same(names(world), [active.name], 'and stays active')
  t.equal(active.log.term, 1)
  t.same(world.flaws(), [])
})

t.test('a killed active node is replaced within 5 s, a stopping one within 1 s', async t => {
  const { world, active } = await started()
  active.kill()
  const took = await world.until(() => world.active.some(({ isRunning }) => isRunning))
  t.ok(took <= 5000, `${took} ms`)
  const [second] = world.active
  active.start()
  await world.pass(10_000)
  t.same(names(world), [second!.name], 'it returns as a follower')
  const stopping = second!.role.stop()
  const handedOver = await world.until(() => world.active.some(({ isRunning }) => isRunning))
  await stopping
  t.ok(handedOver <= 1500, `${handedOver} ms`)
  t.notOk(second!.role.isActive)
  t.same(world.flaws(), [])
})

t.test('an election of the stream does not count as death of the active node', async t => {
  const { world, active } = await started()
  for (const { stream } of world.nodes) stream.isCut = true
  await world.pass(15_000)
  t.same(names(world), [active.name])
  const before = world.written
  for (const { stream } of world.nodes) stream.isCut = false
  await world.until(() => world.written > before + 5)
  t.same(names(world), [active.name])
  t.equal(active.log.term, 1)
  t.same(active.notes.length, 1)
})

t.test('an active node that is cut off stops, is replaced, and follows once it is back', async t => {
  const { world, active, others } = await started()
  active.cut(true)
  const replaced = await world.until(() => others.some(({ isRunning }) => isRunning))
  t.ok(replaced <= 5000, `${replaced} ms`)
  const stopped = replaced + (await world.until(() => !active.isRunning))
  t.ok(stopped <= 6500, `${stopped} ms`)
  t.ok(active.role.isCutOff)
  t.match(active.notes.at(-1), /can reach neither/)
  t.notOk(others.some(({ role }) => role.isCutOff))
  const [second] = world.active
  await world.pass(20_000)
  t.ok(active.role.isCutOff, 'even when it knows no other node any more')
  active.cut(false)
  await world.pass(20_000)
  t.notOk(active.role.isCutOff)
  t.same(names(world), [second!.name], 'a returning node replaces nobody')
  t.match(active.log.leader, { node: second!.name, term: 2 })
  t.same(world.flaws(), [])
})

t.test('a follower that was cut off replaces nobody when it is back', async t => {
  const { world, active, others } = await started()
  others[0]!.cut(true)
  await world.pass(20_000)
  others[0]!.cut(false)
  await world.pass(20_000)
  t.same(names(world), [active.name])
  t.equal(active.log.term, 1)
})

t.test('the last remaining node stays active', async t => {
  const { world, active, others } = await started()
  for (const other of others) other.kill()
  await world.pass(60_000)
  t.same(names(world), [active.name])
  t.equal(active.log.term, 1)
})

t.test('a suspended active node is replaced, and decides nothing more', async t => {
  const { world, active, others } = await started()
  active.clock.pause()
  await world.until(() => others.some(({ isRunning }) => isRunning))
  await world.pass(5000)
  active.clock.resume()
  await world.until(() => !active.isRunning)
  t.same(world.active.length, 1)
  await world.pass(10_000)
  t.match(active.log.leader, { term: 2 })
  t.same(world.flaws(), [])
})

t.test('a suspended follower does not mistake the silence for the death of the active node', async t => {
  const { world, active, others } = await started()
  for (const other of others) other.clock.pause()
  await world.pass(30_000)
  for (const other of others) other.clock.resume()
  await world.pass(10_000)
  t.same(names(world), [active.name])
  t.equal(active.log.term, 1)
})

t.test('a claim that was given up but stored nevertheless does not cost a whole timeout', async t => {
  const { world, active, others } = await started()
  const [claimer] = others
  const leader = { term: active.log.term + 1, node: claimer!.name, leader: claimer!.name }
  const storeIt = () => {
    const said = { ...leader, after: world.store.parts.at(-1)!.commitId }
    const part = { commitId: 'late', part: 0, parts: 1, data: Buffer.from(JSON.stringify(said)) }
    return world.store.append(part, world.store.last).status === 'accepted'
  }
  await world.until(storeIt)
  await world.until(() => !active.isRunning)
  const took = await world.until(() => world.active.some(({ isRunning }) => isRunning))
  t.ok(took <= 2500, `${took} ms`)
  t.same(world.flaws(), [])
})
