import { cpuMsOf, Neighbours } from './lib/machine.ts'
import { fleetwire, plainWs, socketIo } from './lib/peers.ts'
import { caveats, heading, ms, note, table } from './lib/report.ts'
import { startRole } from './lib/start-role.ts'
import { median, percentile } from './lib/stats.ts'
import type { loads } from './load/subscribers.ts'

/** From publishing an event to receiving it. */

const PER_PROCESS = 250
const PROCESSES = 4
const EVENTS_PER_SECOND = 100
const ROUND_MS = 5000
const ROUNDS = 3

heading(`Latency, ${PER_PROCESS * PROCESSES} subscribers, ${EVENTS_PER_SECOND} events/s`, [
  `From the call that publishes to the receiver's socket, one clock; ${PROCESSES} processes of ${PER_PROCESS} raw sockets.`,
  'fleetwire: each event is on disk (WAL, synchronous=FULL) before it is shown. The peers store nothing.',
  `${ROUNDS} rounds of ${ROUND_MS / 1000} s each, in turn; medians of the rounds. Nothing is pinned.`,
])

interface Figures {
  p50: number
  p99: number
}

const own = await fleetwire()
const servers = [
  { ...own, publish: (options: Parameters<typeof own.publish>[0]) => own.role.call('append', options) },
  await plainWs(),
  await socketIo(),
]
const loadsOf = servers.map(() =>
  Array.from({ length: PROCESSES }, () => startRole<typeof loads>('load/subscribers.js')),
)
for (const [i, { how, port }] of servers.entries()) {
  for (const load of loadsOf[i]!) {
    const { refused } = await load.call('connect', { ...how, port, count: PER_PROCESS, concurrency: 50 })
    if (refused > 0) throw new Error(`${refused} subscribers were refused`)
  }
}
const neighbours = new Neighbours([...servers.map(({ pid }) => pid), ...loadsOf.flat().map(({ pid }) => pid)])
let busiest = 0

async function round(i: number, durationMs: number): Promise<Figures> {
  const load = loadsOf[i]!
  for (const role of load) await role.call('listen')
  const cpu = load.map(({ pid }) => cpuMsOf(pid))
  await servers[i]!.publish({ perTurn: 1, turnsPerSecond: EVENTS_PER_SECOND, durationMs })
  await new Promise(resolve => setTimeout(resolve, 300))
  busiest = Math.max(busiest, ...load.map(({ pid }, n) => (cpuMsOf(pid) - cpu[n]!) / durationMs))
  const samples: number[] = []
  for (const role of load) for (const sample of await role.call('latencies')) samples.push(sample)
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) }
}

const of = (rounds: Figures[], key: keyof Figures) => median(rounds.map(figures => figures[key]))
const rounds: Figures[][] = servers.map(() => [])
for (let n = 0; n <= ROUNDS; n++) {
  for (let i = 0; i < servers.length; i++) {
    const figures = await round(i, n === 0 ? 1000 : ROUND_MS)
    if (n > 0) rounds[i]!.push(figures)
  }
}
table(
  ['', 'p50 ms', 'p99 ms'],
  servers.map(({ name }, i) => [name, ms(of(rounds[i]!, 'p50')), ms(of(rounds[i]!, 'p99'))]),
)
note('target: p50 at most 10 ms, p99 at most 40 ms.')

caveats({ load: busiest, others: neighbours.cores() })
await Promise.all([...servers.map(server => server.stop()), ...loadsOf.flat().map(role => role.stop())])
