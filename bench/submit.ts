import { connectAgent, startFleetwire } from './lib/fleetwire.ts'
import { cpuMsOf, Neighbours } from './lib/machine.ts'
import { caveats, count, heading, ms, note, percent, table, times } from './lib/report.ts'
import { startRole } from './lib/start-role.ts'
import { median, percentile } from './lib/stats.ts'
import type { callers } from './load/callers.ts'
import type { bareSqlite } from './servers/bare-sqlite.ts'

/** Durable submissions over REST: throughput and latency. */

const CALLERS = 64
const AGENTS = 64
const ROUNDS = 4
const ROUND_MS = 4000
const WARM_UP_MS = 2000

interface Server {
  name: string
  pid: number
  port: number
  token: string
  rounds: { perSecond: number; p50: number; p99: number; cpuUs: number; load: number }[]
}

heading(`Submissions, ${CALLERS} callers`, [
  `${CALLERS} keep-alive HTTP connections with one submission in flight each, over ${AGENTS} agents that are offline.`,
  'fleetwire: `fleetwire serve` as it is; a submission is answered when it is on disk (WAL, synchronous=FULL).',
  'bare route: Fastify and one row per transaction with the same driver, WAL, synchronous=FULL; no token, no checks.',
  `${ROUNDS} rounds of ${ROUND_MS / 1000} s each, in turn; medians of the rounds. Nothing is pinned.`,
])

const load = startRole<typeof callers>('load/callers.js')
const fleetwire = await startFleetwire()
for (let i = 0; i < AGENTS; i++) (await connectAgent(fleetwire, `agent-${i}`)).terminate()
const bare = startRole<typeof bareSqlite>('servers/bare-sqlite.js')
const ours: Server = { name: 'fleetwire', pid: fleetwire.pid, port: fleetwire.port, token: fleetwire.token, rounds: [] }
const peer: Server = { name: 'bare route', pid: bare.pid, port: await bare.call('listen'), token: 'none', rounds: [] }

async function round({ name, pid, port, token, rounds }: Server, durationMs: number): Promise<void> {
  const cpu = cpuMsOf(pid)
  const result = await load.call('run', { ports: [port], token, callers: CALLERS, agents: AGENTS, durationMs })
  if (result.refused > 0) throw new Error(`${name} refused ${result.refused} submissions`)
  const accepted = result.latencies.length
  rounds.push({
    perSecond: (accepted / result.elapsedMs) * 1000,
    p50: percentile(result.latencies, 0.5),
    p99: percentile(result.latencies, 0.99),
    cpuUs: ((cpuMsOf(pid) - cpu) / accepted) * 1000,
    load: result.cpuMs / result.elapsedMs,
  })
}

for (const server of [ours, peer]) {
  await round(server, WARM_UP_MS)
  server.rounds = []
}
const neighbours = new Neighbours([load.pid, ours.pid, peer.pid])
for (let i = 0; i < ROUNDS; i++) for (const server of [ours, peer]) await round(server, ROUND_MS)
const others = neighbours.cores()

const of = ({ rounds }: Server, key: keyof Server['rounds'][number]) => median(rounds.map(round => round[key]))
table(
  ['', 'accepted/s', 'p50 ms', 'p99 ms', 'server CPU µs each', 'load'],
  [ours, peer].map(server => [
    server.name,
    count(of(server, 'perSecond')),
    ms(of(server, 'p50')),
    ms(of(server, 'p99')),
    count(of(server, 'cpuUs')),
    percent(of(server, 'load')),
  ]),
)
note(`fleetwire accepts ${times(of(ours, 'perSecond') / of(peer, 'perSecond'))} as many as the bare route.`)
note(`Median wait ${ms(of(ours, 'p50'))} ms; target: below 10 ms.`)
caveats({ load: Math.max(of(ours, 'load'), of(peer, 'load')), others })

await Promise.all([load.stop(), bare.stop(), fleetwire.stop()])
