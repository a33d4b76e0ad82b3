import { type HistoryOptions, SimulatedCluster } from './cluster.ts'

const STRIKES = 10

/** The result of a history. */
export interface Played {
  seed: number
  flaws: readonly string[]
  /** A short log of what happened. */
  notes: readonly string[]
  /** The situations that occurred. */
  met: readonly string[]
  /** A summary of the events in the log at the end. */
  log: readonly string[]
}

/** Plays the history of a seed. */
export async function play(seed: number, options: HistoryOptions = {}): Promise<Played> {
  const cluster = new SimulatedCluster(seed, options)
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
  const { flaws, notes, met } = cluster
  const log = cluster.events.map(({ seq, at, type }) => `${seq} ${at} ${type}`)
  return { seed, flaws, notes, met: [...met], log }
}
