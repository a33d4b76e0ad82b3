import { BenchCluster } from './lib/bench-cluster.ts'
import { mint, startFleetwire } from './lib/fleetwire.ts'
import { cpuMsOf, Neighbours } from './lib/machine.ts'
import { count, heading, ms, note, sharedMachine, table } from './lib/report.ts'
import { type Role, startRole } from './lib/start-role.ts'
import { median, percentile } from './lib/stats.ts'
import { agentIdOf } from './lib/stream-dialects.ts'
import type { Load, streams } from './load/streams.ts'

/** What an event of a stream costs each process of a cluster if all agents and viewers are connected to one gateway. */

const ROUNDS = Number(process.env.ROUNDS ?? 5)
const ROUND_MS = Number(process.env.ROUND_MS ?? 3000)
const FIRST_WARM_UP_MS = Number(process.env.FIRST_WARM_UP_MS ?? 10_000)
const WARM_UP_MS = 1000
const only = process.env.ONLY

interface Case {
  key: string
  title: string
  agents: number
  viewersEach: number
  load: Load
  /** Agents connect to the active node, so that the viewers' node serves only viewers. Default: they share a node. */
  agentsApart?: true
}

interface Server {
  port: number
  /** The port of the active node. */
  activePort: number
  agentTokens: string[]
  viewerToken: string
  /** The processes whose CPU time is counted, by their function. */
  pids: Record<string, number[]>
  stop(): Promise<void>
}

/** The same rate for both: the more events a process handles at once, the less each of them costs. */
const at = (perSecond: number): Load['pacing'] => ({ kind: 'rate', perSecond })
const burst = (inFlight: number): Load['pacing'] => ({ kind: 'burst', inFlight })
const cases: Case[] = [
  {
    ...{ key: 'deltas', title: '100 agents stream 80 deltas/s each, one viewer a session' },
    ...{ agents: 100, viewersEach: 1, load: { what: 'delta', pacing: at(80) } },
  },
  {
    ...{ key: 'events', title: '100 agents, 40 distinct events/s each that cannot be joined, one viewer each' },
    ...{ agents: 100, viewersEach: 1, load: { what: 'event', pacing: at(40) } },
  },
  {
    ...{ key: 'few', title: '20 agents, 40 distinct events/s each that cannot be joined, one viewer each' },
    ...{ agents: 20, viewersEach: 1, load: { what: 'event', pacing: at(40) } },
  },
  {
    ...{ key: 'viewers', title: '20 agents stream 80 deltas/s each, ten viewers a session' },
    ...{ agents: 20, viewersEach: 10, load: { what: 'delta', pacing: at(80) } },
  },
  {
    ...{ key: 'bursts', title: 'bursts of 32 events to 500 viewers, the agent at the active node' },
    ...{ agents: 1, viewersEach: 500, load: { what: 'event', pacing: burst(32) }, agentsApart: true },
  },
  {
    ...{ key: 'turns', title: 'one event a turn to 500 viewers, the agent at the active node' },
    ...{ agents: 1, viewersEach: 500, load: { what: 'event', pacing: burst(1) }, agentsApart: true },
  },
]

const lifted = {
  ...{ FLEETWIRE_FRAME_RATE: '1000000', FLEETWIRE_FRAME_BURST: '1000000', FLEETWIRE_AGENT_FRAME_RATE: '1000000' },
  ...{ FLEETWIRE_FRAME_RATE_PER_PRINCIPAL: '10000000', FLEETWIRE_FRAME_RATE_PER_ADDRESS: '10000000' },
  ...{ FLEETWIRE_HEARTBEAT_MS: '600000', FLEETWIRE_AGENT_HEARTBEAT_MS: '600000' },
  FLEETWIRE_MAX_CONNECTIONS_PER_PRINCIPAL: '100000',
}

async function embedded({ agents }: Case): Promise<Server> {
  const server = await startFleetwire(lifted)
  const agentTokens: string[] = []
  for (let i = 0; i < agents; i++) agentTokens.push(await mint(server, 'agent', agentIdOf(i)))
  return { ...server, activePort: server.port, agentTokens, viewerToken: server.token, pids: { server: [server.pid] } }
}

async function cluster({ agents }: Case): Promise<Server> {
  const nodes = await BenchCluster.start(lifted)
  const { active, gateways } = nodes.nodes
  const [gateway, other] = gateways
  return {
    port: gateway!.port,
    activePort: active.port,
    agentTokens: Array.from({ length: agents }, (_, i) => nodes.sign('agent', agentIdOf(i))),
    viewerToken: nodes.sign('admin', 'viewer'),
    pids: {
      'active node': [active.pid],
      gateway: [gateway!.pid],
      'node without clients': [other!.pid],
      'three NATS servers': nodes.natsServers.map(({ pid }) => pid),
    },
    stop: () => nodes.stop(),
  }
}

interface Round {
  /** CPU time per event, µs, by process. */
  cpuUs: Record<string, number>
  perSecond: number
  p50: number
  p99: number
}

/** The processes that serve the viewers. */
const delivers = new Set(['server', 'gateway'])
const sleep = (forMs: number) => new Promise(resolve => setTimeout(resolve, forMs))
const cpuOf = ({ pids }: Server) =>
  Object.entries(pids).map(([name, each]) => [name, each.reduce((sum, pid) => sum + cpuMsOf(pid), 0)] as const)

async function oneRound(server: Server, role: Role<typeof streams>, what: Case, warmUpMs: number): Promise<Round> {
  await role.call('begin', what.load)
  await sleep(warmUpMs)
  const before = await role.call('measure')
  const cpu = cpuOf(server)
  const startedAt = performance.now()
  await sleep(ROUND_MS)
  const events = ((await role.call('received')) - before) / what.viewersEach
  const elapsedMs = performance.now() - startedAt
  const used = cpuOf(server).map(([name, after], i) => [name, ((after - cpu[i]![1]) * 1000) / events] as const)
  const { latencies } = await role.call('end')
  return {
    cpuUs: Object.fromEntries(used),
    perSecond: (events * 1000) / elapsedMs,
    ...{ p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) },
  }
}

/** The running servers, which a signal that ends the benchmark stops too. */
const running: Server[] = []
const stopAll = () => Promise.all(running.splice(0).map(server => server.stop()))
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stopAll().finally(() => process.exit(1)))

async function started(start: Promise<Server>, what: Case) {
  const server = await start
  running.push(server)
  const role = startRole<typeof streams>('load/streams.js')
  const { port, activePort, agentTokens, viewerToken } = server
  const agentPort = what.agentsApart ? activePort : port
  const clients = { dialect: 'joined' as const, port, agentPort, agentTokens, viewerToken }
  await role.call('connect', { ...clients, viewersEach: what.viewersEach, viewersOfAll: 0 })
  return { server, role, rounds: [] as Round[] }
}

/** In turn, so that other load on the machine affects both. */
async function roundsOf(what: Case): Promise<[alone: Round[], together: Round[]]> {
  try {
    const sides = [await started(embedded(what), what), await started(cluster(what), what)] as const
    const pids = sides.flatMap(({ server, role }) => [role.pid, ...Object.values(server.pids).flat()])
    const neighbours = new Neighbours(pids)
    for (let n = 0; n < ROUNDS; n++) {
      for (const { server, role, rounds } of sides)
        rounds.push(await oneRound(server, role, what, n === 0 ? FIRST_WARM_UP_MS : WARM_UP_MS))
    }
    sharedMachine(neighbours.cores())
    for (const { role } of sides) {
      await role.call('close')
      await role.stop()
    }
    return [sides[0].rounds, sides[1].rounds]
  } finally {
    await stopAll()
  }
}

heading('Streams in a cluster: what an event costs each process', [
  'Three NATS servers (sync_interval: always), three nodes, and the load, on one machine, not pinned.',
  'All viewers, and all agents unless stated otherwise, are connected to one node that is not the active one.',
  `${ROUNDS} rounds of ${ROUND_MS / 1000} s, alternating with the embedded server; medians. Target: the active node uses at most 0.6 of the embedded server’s CPU time,`,
  'and the node of the viewers makes at least 0.9 of its deliveries per CPU-second.',
])

for (const what of cases) {
  if (only !== undefined && !only.split(',').includes(what.key)) continue
  const [alone, together] = await roundsOf(what)
  const base = median(alone.map(({ cpuUs }) => cpuUs.server!))
  note(`${what.title}:`)
  table(
    ['', 'CPU µs per event', 'of the embedded server’s', 'deliveries per CPU-second'],
    [alone, together].flatMap(rounds =>
      Object.keys(rounds[0]!.cpuUs).map(name => {
        const used = median(rounds.map(({ cpuUs }) => cpuUs[name]!))
        return [
          name === 'server' ? 'embedded server' : name,
          used.toFixed(1),
          (used / base).toFixed(2),
          delivers.has(name) ? count((what.viewersEach * 1e6) / used) : '',
        ]
      }),
    ),
  )
  table(
    ['', 'events/s', 'p50 ms', 'p99 ms'],
    [alone, together].map((rounds, i) => [
      i === 0 ? 'embedded' : 'cluster',
      count(median(rounds.map(({ perSecond }) => perSecond))),
      ms(median(rounds.map(({ p50 }) => p50))),
      ms(median(rounds.map(({ p99 }) => p99))),
    ]),
  )
  console.log()
}
