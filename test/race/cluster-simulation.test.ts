import t from 'tap'
import { SimulatedCluster } from '../helpers/simulated-cluster/cluster.ts'
import type { Safeguard } from '../helpers/simulated-cluster/node.ts'
import { size } from '../helpers/sizes.ts'

/*
 * Whole fleets on several nodes, with the real agents and dashboards of the SDK, over a stream that refuses, forgets to
 * answer and has no leader, on clocks that jump, drift and stand still. One seed is one history; a failing one is printed
 * with what befell its nodes, and kept in KEPT. One alone: CLUSTER_SEED=17 node dist/test/race/cluster-simulation.test.js
 * More: CLUSTER_SIM=1000 CLUSTER_FIRST=5000 node dist/test/race/cluster-simulation.test.js
 */
const SEEDS = size('CLUSTER_SIM', { quick: 60, full: 10_000 })
const STRIKES = 10
const MOST_SHOWN = 3
/**
 * Of a time that ran back where a node started again, of reports that were stored twice after an append whose outcome was
 * not known (twice), and of a retry of nothing.
 */
const KEPT = [4, 108, 128, 18]
/** Without which of these the simulation must fail, and within how many histories. */
const SAFEGUARDS: Record<Safeguard, number> = { fence: 10, 'services stop': 10, journal: 40 }
/** What histories have to meet: a simulation that never does proves nothing about it. */
const USUAL = ['succeeded', 'cancelled', 'answered', 'resumed', 'closed 1006', 'closed 1012']

async function play(seed: number, without?: Safeguard): Promise<SimulatedCluster> {
  const cluster = new SimulatedCluster(seed, without)
  const { random } = cluster
  await cluster.pass(3000 + random.below(3000))
  for (let i = 0; i < STRIKES; i++) {
    cluster.strike()
    for (let n = random.below(5); n >= 0; n--) {
      cluster.act()
      await cluster.pass(random.pick([5, 50, 300, 1500]))
    }
  }
  await cluster.rest()
  cluster.end()
  return cluster
}

t.setTimeout(1_800_000)
const alone = process.env.CLUSTER_SEED

t.test('whatever befalls nodes: nothing lost, doubled or out of order, and the cluster heals by itself', async t => {
  const first = Number(alone ?? process.env.CLUSTER_FIRST ?? 1)
  const more = Array.from({ length: alone === undefined ? SEEDS : 1 }, (_, i) => first + i)
  const tally: Record<string, number> = {}
  let shown = 0
  for (const seed of alone === undefined ? [...KEPT, ...more] : more) {
    const { flaws, notes, met } = await play(seed)
    for (const what of met) tally[what] = (tally[what] ?? 0) + 1
    if (flaws.length === 0 && alone === undefined) continue
    t.strictSame(flaws, [], `CLUSTER_SEED=${seed}`)
    for (const note of notes) t.comment(note)
    if (++shown === MOST_SHOWN) break
  }
  t.comment(JSON.stringify(tally))
  if (alone === undefined) for (const what of USUAL) t.ok(tally[what], `met: ${what}`)
})

if (alone === undefined) {
  for (const [without, most] of Object.entries(SAFEGUARDS) as [Safeguard, number][]) {
    t.test(`the simulation fails without: ${without}`, async t => {
      let seed = 1
      while (seed <= most && (await play(seed, without)).flaws.length === 0) seed++
      t.ok(seed <= most, `${seed - 1} histories went well`)
    })
  }
}
