import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../src/clock.ts'
import { openNatsCommitStream } from '../src/cluster/nats/nats-commit-stream.ts'
import { BenchCluster } from './lib/bench-cluster.ts'
import { connectAgentAt, mint, startFleetwire } from './lib/fleetwire.ts'
import { cpuMsOf, Neighbours } from './lib/machine.ts'
import { count, heading, ms, note, sharedMachine, table } from './lib/report.ts'
import { startRole } from './lib/start-role.ts'
import { median, percentile } from './lib/stats.ts'
import type { callers } from './load/callers.ts'

/** A cluster of three nodes over three NATS servers, compared with a server with the embedded log. */

const only = process.env.ONLY?.split(',')
const isWanted = (part: string) => only?.includes(part) ?? true
const ROUND_MS = Number(process.env.ROUND_MS ?? 4000)
const ROUNDS = 3
const AGENTS = 64
const lifted = {
  ...{ FLEETWIRE_FRAME_RATE: '1000000', FLEETWIRE_FRAME_BURST: '1000000', FLEETWIRE_AGENT_FRAME_RATE: '1000000' },
  ...{ FLEETWIRE_FRAME_RATE_PER_PRINCIPAL: '10000000', FLEETWIRE_FRAME_RATE_PER_ADDRESS: '10000000' },
  ...{ FLEETWIRE_REST_RATE: '1000000000', FLEETWIRE_QUEUE_LIMIT: '1000000000' },
  ...{ FLEETWIRE_MAX_CONNECTIONS_PER_PRINCIPAL: '100000' },
}

heading('A cluster of three nodes', [
  'Three `fleetwire serve`, three nats-servers with three copies of each commit and `sync_interval: always`: all on this machine.',
  'Embedded: one `fleetwire serve` with SQLite, synchronous=FULL. Load and all servers share the cores; nothing is pinned.',
  `Rounds of ${ROUND_MS / 1000} s, ${ROUNDS} of each; medians. CPU time is that of whole processes.`,
])

const cluster = await BenchCluster.start(lifted)
const embedded = await startFleetwire(lifted)
const admin = cluster.sign('admin', 'bench')
const all = () => {
  const { active, gateways } = cluster.nodes
  return [active, ...gateways]
}
const neighbours = new Neighbours([...all(), ...cluster.natsServers].map(({ pid }) => pid).concat(embedded.pid))

/** Connects agents once, so that the server accepts commands for them, and disconnects them. */
async function introduceAgents(port: number, token: (agentId: string) => Promise<string>): Promise<void> {
  for (let i = 0; i < AGENTS; i++) {
    const agentId = `agent-${i}`
    ;(await connectAgentAt(port, await token(agentId))).terminate()
  }
}

async function submissions(): Promise<void> {
  await introduceAgents(embedded.port, agentId => mint(embedded, 'agent', agentId))
  const load = startRole<typeof callers>('load/callers.js')
  const ports = all().map(({ port }) => port)
  const active = [cluster.nodes.active.port]
  const targets = [
    { name: 'cluster, 64 callers over 3 nodes', ports, token: admin, callers: 64, pids: all().map(({ pid }) => pid) },
    {
      name: 'cluster, 64 callers at the active node',
      ports: active,
      token: admin,
      callers: 64,
      pids: [cluster.nodes.active.pid],
    },
    { name: 'embedded, 64 callers', ports: [embedded.port], token: embedded.token, callers: 64, pids: [embedded.pid] },
    {
      name: 'cluster, one caller at a gateway',
      ports: [cluster.nodes.gateways[0]!.port],
      token: admin,
      callers: 1,
      pids: all().map(({ pid }) => pid),
    },
    {
      name: 'cluster, one caller at the active node',
      ports: active,
      token: admin,
      callers: 1,
      pids: [cluster.nodes.active.pid],
    },
    { name: 'embedded, one caller', ports: [embedded.port], token: embedded.token, callers: 1, pids: [embedded.pid] },
  ]
  const rows = targets.map(
    () => [] as { perSecond: number; p50: number; p99: number; cpuUs: number; refused: number }[],
  )
  for (let n = 0; n <= ROUNDS; n++) {
    for (const [i, { ports, token, callers, pids }] of targets.entries()) {
      const used = () => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0)
      const cpu = used()
      const { latencies, elapsedMs, refused } = await load.call('run', {
        ...{ ports, token, callers, agents: AGENTS, durationMs: n === 0 ? 1000 : ROUND_MS },
      })
      const accepted = latencies.length
      if (n > 0)
        rows[i]!.push({
          ...{ perSecond: (accepted / elapsedMs) * 1000, refused, cpuUs: ((used() - cpu) / accepted) * 1000 },
          ...{ p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) },
        })
    }
  }
  const of = (i: number, key: 'perSecond' | 'p50' | 'p99' | 'cpuUs') => median(rows[i]!.map(row => row[key]))
  note('Accepted commands over REST:')
  table(
    ['', 'accepted/s', 'p50 ms', 'p99 ms', 'CPU µs each', 'refused'],
    targets.map(({ name }, i) => [
      ...[name, count(of(i, 'perSecond')), ms(of(i, 'p50')), ms(of(i, 'p99')), count(of(i, 'cpuUs'))],
      count(rows[i]!.reduce((sum, { refused }) => sum + refused, 0)),
    ]),
  )
  note('Target: 3,000/s, p50 25 ms and p99 150 ms at 64 callers over 3 nodes; one caller p50 8 ms.')
  // Read the CPU times before any process ends.
  sharedMachine(neighbours.cores())
  note('')
  await load.stop()
}

/** The time from the fault to the first accepted command, for a caller that keeps retrying at a gateway. */
async function failovers(): Promise<void> {
  const submit = async (port: number) => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/agents/agent-0/commands`, {
      method: 'POST',
      headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
      body: JSON.stringify({ kind: 'prompt', input: 'x' }),
      signal: AbortSignal.timeout(20_000),
    }).catch(() => undefined)
    await answer?.body?.cancel()
    return answer?.status === 202
  }
  const measure = async (fault: () => Promise<void> | void) => {
    const { port } = cluster.nodes.gateways[0]!
    while (!(await submit(port))) await delay(20)
    await fault()
    const at = performance.now()
    while (!(await submit(port))) await delay(20)
    return performance.now() - at
  }
  const recovered = async () => {
    await delay(9000)
    while (all().some(node => node === undefined) || all().length < 3) await delay(100)
  }
  const times: Record<string, number[]> = {
    'active node killed -9': [],
    'active node SIGTERM': [],
    'stream leader killed -9': [],
  }
  for (let n = 0; n < 3; n++) {
    times['active node killed -9']!.push(await measure(() => void process.kill(cluster.nodes.active.pid, 'SIGKILL')))
    await recovered()
    times['active node SIGTERM']!.push(await measure(() => void process.kill(cluster.nodes.active.pid, 'SIGTERM')))
    await recovered()
    const servers = cluster.natsServers.map(({ port }) => `127.0.0.1:${port}`)
    const stream = await openNatsCommitStream({ servers, namespace: 'default', clock: systemClock })
    const leader = await stream.leader()
    await stream.close()
    times['stream leader killed -9']!.push(
      await measure(() => void process.kill(cluster.natsServers.find(({ name }) => name === leader)!.pid, 'SIGKILL')),
    )
    await recovered()
  }
  note('From a fault to the first accepted command, for a caller at a gateway:')
  table(
    ['', 'seconds, three times'],
    Object.entries(times).map(([name, each]) => [name, each.map(ms => (ms / 1000).toFixed(2)).join('  ')]),
  )
  note('Target: 5 s, 1 s, 10 s.\n')
}

try {
  await introduceAgents(cluster.nodes.active.port, async agentId => cluster.sign('agent', agentId))
  // Failovers first, with few commands: a node that takes over reads all queued commands, and submissions leave many.
  if (isWanted('failover')) await failovers()
  if (isWanted('submit')) await submissions()
} finally {
  await Promise.all([embedded.stop(), cluster.stop()])
}
