import t from 'tap'
import { SimulatedNodes } from '../helpers/simulated-nodes.ts'
import { seed, size } from '../helpers/sizes.ts'

const RUNS = size('NODE_ROLES', { quick: 10, full: 2000 })
const first = seed()
t.setTimeout(900_000)

async function run(number: number): Promise<{ flaws: string[]; terms: number }> {
  const world = new SimulatedNodes(number, ['a', 'b', 'c', 'd'].slice(0, 2 + (number % 3)), {
    ...{
      delayMs: 5 + (number % 7) * 10,
      untold: (number % 2) * 0.1,
      mute: (number % 5) * 0.02,
      lost: 0.02,
      late: 0.02,
    },
  })
  const { random, nodes } = world
  for (let step = 0; step < 12; step++) {
    const node = random.pick(nodes)
    const wasAlive = node.isAlive
    switch (random.below(6)) {
      case 0:
        if (wasAlive) node.kill()
        break
      case 1:
        node.start()
        break
      case 2:
        if (wasAlive) node.cut(!node.isMute)
        break
      case 3:
        if (wasAlive) node.stream.isCut = !node.stream.isCut
        break
      case 4:
        if (!wasAlive) break
        if (node.clock.isPaused) node.clock.resume()
        else node.clock.pause()
        break
      default:
        node.isMute = !node.isMute
    }
    await world.pass(random.below(7000))
  }
  for (const node of nodes) {
    if (!node.isAlive) node.start()
    node.cut(false)
    node.clock.resume()
  }
  const flaws: string[] = []
  const term = () => Math.max(...nodes.map(({ log }) => log.term))
  const settled = () => world.active.length === 1 && world.active[0]!.isRunning && world.active[0]!.log.isLeading
  await world.until(settled, 40_000).catch(() => flaws.push('no node became active'))
  const before = world.written
  await world.pass(20_000)
  if (!settled()) flaws.push(`${world.active.length} nodes are active in the end`)
  if (world.written <= before) flaws.push('nothing is written in the end')
  const [leader] = world.active
  const terms = term()
  leader?.kill()
  const isReplaced = () => settled() && term() > terms && world.active[0] !== leader
  await world.until(isReplaced, 40_000).catch(() => flaws.push('no node replaced the killed one'))
  flaws.push(...world.flaws())
  for (const node of nodes) if (node.isAlive) node.kill()
  return { flaws, terms }
}

t.test('whatever happens to nodes, only the current leader commits, and in the end there is one leader', async t => {
  let terms = 0
  let changed = 0
  for (let number = first; number < first + RUNS; number++) {
    const result = await run(number)
    if (result.flaws.length > 0) t.same(result.flaws, [], `SEED=${number}`)
    terms += result.terms
    if (result.terms > 1) changed++
  }
  t.comment(`${RUNS} runs from seed ${first}: ${terms} leaders in succession, more than one in ${changed} runs`)
  // Happens in seven runs of eight. By chance, it happens in fewer than a fifth of 10 runs once in 10^7 times.
  t.ok(changed >= Math.floor(RUNS / 5), 'leaders are replaced before the last one is killed')
})
