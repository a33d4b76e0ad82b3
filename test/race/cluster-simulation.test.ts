import { availableParallelism } from 'node:os'
import { extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { temporaryFolder } from '../helpers/log-folder.ts'
import { SqliteDisk } from '../helpers/simulated-cluster/disk.ts'
import type { Safeguard } from '../helpers/simulated-cluster/node.ts'
import { type Played, play } from '../helpers/simulated-cluster/play.ts'
import { size } from '../helpers/sizes.ts'

/*
 * Whole fleets on several nodes, with the real agents and dashboards of the SDK, over a stream that refuses, forgets to
 * answer and has no leader, on clocks that jump, drift and stand still. One seed is one history; a failing one is printed
 * with what befell its nodes, and kept in KEPT as long as it is the same history.
 * One alone: CLUSTER_SEED=17 node dist/test/race/cluster-simulation.test.js
 * More: CLUSTER_SIM=1000 CLUSTER_FIRST=5000 node dist/test/race/cluster-simulation.test.js
 */
const SEEDS = size('CLUSTER_SIM', { quick: 3, full: 10_000 })
/** Also on SQLite, which takes longer than memory. */
const ON_FILES = size('CLUSTER_SIM_FILES', { quick: 1, full: 100 })
/** In which who sees a question answers it at once. */
const AT_ONCE = size('CLUSTER_SIM_AT_ONCE', { quick: 2, full: 1000 })
/** From so many on, all cores play. */
const MANY = 500
const MOST_SHOWN = 3
/**
 * Of a time that ran back where a node started again, of reports that were stored twice after an append whose outcome was
 * not known (twice), of a retry of nothing, and of a node that took a lead for its own which was about to end (twice).
 */
const KEPT = [4, 108, 128, 18, 1185, 1978]
/**
 * Without which of these the simulation must fail, from which history on, and at the latest in which one. Those that fail today
 * without one of them are among those of a quick run, kept ones included.
 */
const SAFEGUARDS: Record<Safeguard, [first: number, last: number]> = {
  fence: [1, 10],
  'services stop': [128, 137],
  journal: [18, 77],
  'catch up': [1, 60],
}
/** What histories have to meet: a simulation that never does proves nothing about it. */
const USUAL = ['succeeded', 'cancelled', 'answered', 'resumed', 'closed 1006', 'closed 1012']

const PLAYER = new URL(`../helpers/simulated-cluster/player${extname(import.meta.url)}`, import.meta.url)

/** Plays histories of consecutive seeds; `tell` says whether more are wanted. */
async function playAll(first: number, count: number, tell: (played: Played) => boolean): Promise<void> {
  if (count < MANY) {
    for (let seed = first; seed < first + count; seed++) if (!tell(await play(seed))) return
    return
  }
  const every = availableParallelism()
  const players = Array.from({ length: every }, (_, i) => {
    const workerData = { first: first + i, every, count: Math.ceil((count - i) / every) }
    return new Worker(PLAYER, { workerData })
  })
  await Promise.all(
    players.map(
      player =>
        new Promise<void>((resolve, reject) => {
          player.on('message', (played: Played) => {
            if (!tell(played)) for (const each of players) void each.terminate()
          })
          player.on('error', reject)
          player.on('exit', () => resolve())
        }),
    ),
  )
}

t.setTimeout(1_800_000)
const alone = process.env.CLUSTER_SEED

t.test('whatever befalls nodes: nothing lost, doubled or out of order, and the cluster heals by itself', async t => {
  const tally: Record<string, number> = {}
  let shown = 0
  const tell = ({ seed, flaws, notes, met }: Played): boolean => {
    for (const what of met) tally[what] = (tally[what] ?? 0) + 1
    if (flaws.length > 0 || alone !== undefined) {
      t.strictSame(flaws, [], `CLUSTER_SEED=${seed}`)
      for (const note of notes) t.comment(note)
      shown++
    }
    return shown < MOST_SHOWN
  }
  if (alone === undefined) {
    for (const seed of KEPT) tell(await play(seed))
    await playAll(Number(process.env.CLUSTER_FIRST ?? 1), SEEDS, tell)
    for (const what of USUAL) t.ok(tally[what], `met: ${what}`)
  } else tell(await play(Number(alone)))
  t.comment(JSON.stringify(tally))
})

t.test('what any node shows can be answered at once at any node that decides', async t => {
  let answered = 0
  for (let seed = 1; seed <= (alone === undefined ? AT_ONCE : 0); seed++) {
    const { flaws, met } = await play(seed, { answersAtOnce: true })
    t.strictSame(flaws, [], `seed ${seed}`)
    if (met.includes('answered')) answered++
  }
  if (alone === undefined) t.ok(answered > 0)
})

// When a file is written is up to its thread, so a seed is not the same history each time.
t.test('on real files', async t => {
  for (let seed = 1; seed <= (alone === undefined ? ON_FILES : 0); seed++) {
    const dir = temporaryFolder(t)
    const { flaws } = await play(seed, { disk: name => new SqliteDisk(join(dir, name)) })
    t.strictSame(flaws, [], `CLUSTER_SEED=${seed}`)
  }
})

if (alone === undefined) {
  for (const [without, [first, last]] of Object.entries(SAFEGUARDS) as [Safeguard, [number, number]][]) {
    t.test(`the simulation fails without: ${without}`, async t => {
      let seed = first
      while (seed <= last && (await play(seed, { without, answersAtOnce: without === 'catch up' })).flaws.length === 0)
        seed++
      t.ok(seed <= last, `${seed - first} histories went well`)
    })
  }
}
