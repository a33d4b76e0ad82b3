import { cpuMsOf, Neighbours } from './lib/machine.ts'
import { fleetwire } from './lib/peers.ts'
import { caveats, heading, ms, note, table } from './lib/report.ts'
import { startRole } from './lib/start-role.ts'
import { median, percentile } from './lib/stats.ts'
import type { resumers } from './load/resumers.ts'
import type { loads } from './load/subscribers.ts'

/** Many clients reconnect at once, each far behind. */

const CLIENTS = 1000
const BEHIND = 1000
const ROUNDS = 4
const EVENTS_PER_SECOND = 100

heading(`${CLIENTS} clients resume, each ${BEHIND} events behind`, [
  `${BEHIND} events were stored while they were away; all connect at once, send their cursor and get what they missed.`,
  'A sample is the time from the connect of a client to its `resume:done`; each must get every event once and in order.',
  `Meanwhile others get ${EVENTS_PER_SECOND} events/s live: their p99 before, and while the clients resume. Nothing is pinned.`,
  `The first round of a fresh process, then the medians of ${ROUNDS}.`,
  'Socket.IO recovers from memory only: on a far bigger machine 1.97 s (p95) and 4.58 s (p99) were measured for as many.',
])

interface Round {
  resume: number[]
  incomplete: number
  liveP99: number
  load: number
}

/** Runs the rounds while this many other subscribers receive live events. */
async function beside(subscribers: number): Promise<{ quiet: number; rounds: Round[]; others: number }> {
  const server = await fleetwire()
  const live = startRole<typeof loads>('load/subscribers.js')
  const returning = startRole<typeof resumers>('load/resumers.js')
  const neighbours = new Neighbours([server.pid, live.pid, returning.pid])
  await live.call('connect', { ...server.how, port: server.port, count: subscribers, concurrency: 50 })
  const append = (perTurn: number, durationMs: number) =>
    server.role.call('append', { perTurn, turnsPerSecond: EVENTS_PER_SECOND, durationMs })
  const quietP99 = async (durationMs: number) => {
    await live.call('listen')
    await append(1, durationMs)
    await pause(300)
    return percentile(await live.call('latencies'), 0.99)
  }
  await quietP99(1000)
  const quiet = await quietP99(4000)
  const rounds: Round[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const cursor = await server.role.call('head')
    await append(BEHIND / EVENTS_PER_SECOND, 1000)
    await pause(500)
    const appending = append(1, 10_000)
    await pause(200)
    await live.call('listen')
    const startedAt = performance.now()
    const cpuBefore = cpuMsOf(returning.pid)
    const { samples, incomplete } = await returning.call('run', {
      ...{ port: server.port, token: server.how.token!, cursor, clients: CLIENTS, atLeast: BEHIND },
    })
    const latencies = await live.call('latencies')
    const load = (cpuMsOf(returning.pid) - cpuBefore) / (performance.now() - startedAt)
    rounds.push({ resume: samples, incomplete, liveP99: percentile(latencies, 0.99), load })
    await appending
  }
  const others = neighbours.cores()
  await Promise.all([server.stop(), live.stop(), returning.stop()])
  return { quiet, rounds, others }
}

const pause = (forMs: number) => new Promise(resolve => setTimeout(resolve, forMs))

let others = 0
let load = 0
for (const subscribers of [50, 1000]) {
  const measured = await beside(subscribers)
  others = Math.max(others, measured.others)
  load = Math.max(load, ...measured.rounds.map(round => round.load))
  const row = (name: string, rounds: Round[]) => [
    name,
    ...[0.5, 0.95, 0.99].map(part => ms(median(rounds.map(round => percentile(round.resume, part))))),
    String(rounds.reduce((sum, { incomplete }) => sum + incomplete, 0)),
    ms(measured.quiet),
    ms(median(rounds.map(round => round.liveP99))),
  ]
  note(`With ${subscribers} live subscribers:`)
  table(
    ['resume', 'p50 ms', 'p95 ms', 'p99 ms', 'incomplete', 'live p99 before, ms', 'meanwhile'],
    [row('fresh process', measured.rounds.slice(0, 1)), row('then', measured.rounds.slice(1))],
  )
}
note('target: p95 below 1 s, p99 below 2 s.')
caveats({ load, others })
