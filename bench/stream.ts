import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect as openTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mint, startFleetwire } from './lib/fleetwire.ts'
import { cpuMsOf, Neighbours } from './lib/machine.ts'
import { count, heading, ms, note, percent, sharedMachine, table } from './lib/report.ts'
import { pinning, type Role, startRole } from './lib/start-role.ts'
import { median, percentile } from './lib/stats.ts'
import { agentIdOf, type DialectName } from './lib/stream-dialects.ts'
import type { Load, StreamsOptions, streams } from './load/streams.ts'
import type { streamSocketIo } from './servers/stream-socket-io.ts'

/** Many streaming agents with one to three viewers each: what a part of a message costs the server. */

const ROUNDS = Number(process.env.ROUNDS ?? 5)
/**
 * Time until the code path of a frame is compiled: the fewer frames per second, the longer it takes. At 800 a second a
 * delta costs 14 µs after 8 s, and 10 µs after 20 s.
 */
const FIRST_WARM_UP_MS = Number(process.env.FIRST_WARM_UP_MS ?? 20_000)
const WARM_UP_MS = 1000
/** The run fails if the agents and viewers of a case are not connected within this time. */
const CONNECT_MS = 60_000
/** How long a server may take until it listens. */
const LISTEN_MS = 10_000
const ROUND_MS = Number(process.env.ROUND_MS ?? 3000)
const only = process.env.ONLY

interface Server {
  name: string
  dialect: DialectName
  start(agents: number): Promise<Running>
}
interface Running {
  pid: number
  port: number
  agentTokens: string[]
  viewerToken: string
  stop(): Promise<unknown>
}

const lifted = {
  ...{ FLEETWIRE_FRAME_RATE: '1000000', FLEETWIRE_FRAME_BURST: '1000000', FLEETWIRE_AGENT_FRAME_RATE: '1000000' },
  ...{ FLEETWIRE_FRAME_RATE_PER_PRINCIPAL: '10000000', FLEETWIRE_FRAME_RATE_PER_ADDRESS: '10000000' },
  ...{ FLEETWIRE_HEARTBEAT_MS: '600000', FLEETWIRE_AGENT_HEARTBEAT_MS: '600000' },
}

async function startOwn(agents: number): Promise<Running> {
  const server = await startFleetwire(lifted, undefined, 0)
  const agentTokens: string[] = []
  for (let i = 0; i < agents; i++) agentTokens.push(await mint(server, 'agent', agentIdOf(i)))
  return { pid: server.pid, port: server.port, agentTokens, viewerToken: server.token, stop: () => server.stop() }
}

async function startSocketIo(agents: number): Promise<Running> {
  const role = startRole<typeof streamSocketIo>('servers/stream-socket-io.js', { core: 0 })
  const port = await role.call('listen')
  return { pid: role.pid, port, agentTokens: Array(agents).fill('none'), viewerToken: 'none', stop: () => role.stop() }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function listens(port: number, child: ChildProcess): Promise<void> {
  for (const until = performance.now() + LISTEN_MS; performance.now() < until; ) {
    const socket = openTcp(port, '127.0.0.1')
    const isOpen = await new Promise(resolve =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    )
    socket.destroy()
    if (isOpen) return
    if (child.exitCode !== null) throw new Error(`Centrifugo ended with ${child.exitCode}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  child.kill()
  throw new Error(`Centrifugo does not listen on port ${port} after ${LISTEN_MS} ms`)
}

/** With history in memory, so that reconnecting clients can get what they missed. */
async function startCentrifugo(agents: number): Promise<Running> {
  const dir = mkdtempSync(join(tmpdir(), 'bench-centrifugo-'))
  const port = await freePort()
  const config = {
    http_server: { address: '127.0.0.1', port: String(port) },
    client: { insecure: true, ping_interval: '600s', pong_timeout: '60s', channel_limit: 1000 },
    channel: {
      without_namespace: {
        ...{ history_size: 1000, history_ttl: '300s', force_recovery: true },
        ...{ allow_publish_for_client: true, allow_subscribe_for_client: true },
      },
    },
    log: { level: 'error' },
  }
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config))
  const args = ['-c', '0', process.env.CENTRIFUGO!, '--config', join(dir, 'config.json')]
  const child = spawn('taskset', args, { stdio: 'inherit', env: { ...process.env, GOMAXPROCS: '1' } })
  await listens(port, child)
  return {
    ...{ pid: child.pid!, port, agentTokens: Array(agents).fill('none'), viewerToken: 'none' },
    async stop() {
      child.kill()
      await once(child, 'exit')
      rmSync(dir, { recursive: true })
    },
  }
}

const plain: Server = { name: 'Fleetwire, plain clients', dialect: 'fleetwire', start: startOwn }
const sdk: Server = { name: 'Fleetwire, SDK agents', dialect: 'sdk', start: startOwn }
const joined: Server = { name: 'Fleetwire', dialect: 'joined', start: startOwn }
const socketIo: Server = { name: 'Socket.IO 4, rooms', dialect: 'socketIo', start: startSocketIo }
const centrifugo: Server = { name: 'Centrifugo, history in memory', dialect: 'centrifugo', start: startCentrifugo }
const peers = process.env.CENTRIFUGO === undefined ? [socketIo] : [socketIo, centrifugo]

interface Case {
  key: string
  title: string
  agents: number
  viewersEach: number
  viewersOfAll?: number
  load: Load
  servers: Server[]
  wanted: string
}

const window = (inFlight: number): Load['pacing'] => ({ kind: 'window', inFlight })
const cases: Case[] = [
  {
    ...{ key: 'deltas', title: '20 agents stream deltas, 16 in flight each, one viewer a session' },
    ...{ agents: 20, viewersEach: 1, load: { what: 'delta', pacing: window(16) }, servers: [plain, sdk, ...peers] },
    wanted: 'SDK agents at most 0.6, plain clients at most 1 of Socket.IO',
  },
  {
    ...{ key: 'many', title: '100 agents stream deltas, 4 in flight each, one viewer a session' },
    ...{ agents: 100, viewersEach: 1, load: { what: 'delta', pacing: window(4) }, servers: [plain, sdk, ...peers] },
    wanted: 'as above',
  },
  {
    // A window lets each server run at its own speed. A busy server pays less per message than one that mostly waits,
    // since it reads many at each wake-up. At a fixed rate, all servers do the same work.
    ...{ key: 'steady', title: '20 agents at 750 deltas/s each, one viewer a session: the same load for all' },
    ...{ agents: 20, viewersEach: 1, servers: [plain, sdk, ...peers] },
    load: { what: 'delta', pacing: { kind: 'rate', perSecond: 750 } },
    wanted: 'none',
  },
  {
    ...{ key: 'events', title: '20 agents, distinct events that cannot be joined, 16 in flight each, one viewer each' },
    ...{ agents: 20, viewersEach: 1, load: { what: 'event', pacing: window(16) }, servers: [joined, ...peers] },
    wanted: 'at most 1.5 of Socket.IO (each is on disk and acknowledged)',
  },
  {
    ...{ key: 'rate', title: '200 agents at 50 deltas/s each, two viewers of everything' },
    ...{ agents: 200, viewersEach: 0, viewersOfAll: 2, servers: [joined, ...peers] },
    load: { what: 'delta', pacing: { kind: 'rate', perSecond: 50 } },
    wanted: 'p50 at most 15 ms, p99 at most 60 ms, whole',
  },
  {
    ...{ key: 'burst4', title: 'bursts of 4 events to 50 viewers, one after the other' },
    ...{ agents: 1, viewersEach: 50, load: { what: 'event', pacing: { kind: 'burst', inFlight: 4 } } },
    ...{ servers: [joined, ...peers], wanted: 'none' },
  },
  {
    ...{ key: 'burst32', title: 'bursts of 32 events to 500 viewers, one after the other' },
    ...{ agents: 1, viewersEach: 500, load: { what: 'event', pacing: { kind: 'burst', inFlight: 32 } } },
    ...{ servers: [joined, ...peers], wanted: 'p99 of a burst at most 64 ms' },
  },
]

heading('Streams: many agents, few viewers', [
  `An agent's message goes through the server to its viewers; ${pinning}.`,
  'fleetwire: `fleetwire serve`; each event is on disk (WAL, synchronous=FULL) before it is shown, and acknowledged.',
  'Socket.IO: `io.to(room).emit`, nothing kept. Centrifugo, where CENTRIFUGO names a binary: GOMAXPROCS=1.',
  'Plain clients send one frame a message; SDK agents are those of @fleetwire/client, and their viewers ask for joined messages.',
  `${ROUNDS} rounds of ${ROUND_MS / 1000} s, each after ${WARM_UP_MS / 1000} s of warm-up, the first after ${FIRST_WARM_UP_MS / 1000} s; medians.`,
  'CPU time is that of the whole server process.',
])

const sleep = (forMs: number) => new Promise(resolve => setTimeout(resolve, forMs))

/** Rejects after this time; `what` describes what did not happen. */
async function within<T>(limitMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${limitMs / 1000} s`)), limitMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

interface Round {
  cpuUs: number
  perSecond: number
  p50: number
  p99: number
  whole: number
  busy: number
  loadBusy: number
}
type StreamLoad = Role<typeof streams>

async function oneRound(server: Running, role: StreamLoad, load: Load, warmUpMs: number): Promise<Round> {
  await role.call('begin', load)
  await sleep(warmUpMs)
  const before = await role.call('measure')
  const cpu = cpuMsOf(server.pid)
  const loadCpu = await role.call('cpuMs')
  const startedAt = performance.now()
  await sleep(ROUND_MS)
  const received = (await role.call('received')) - before
  const elapsedMs = performance.now() - startedAt
  const cpuMs = cpuMsOf(server.pid) - cpu
  const loadBusy = ((await role.call('cpuMs')) - loadCpu) / elapsedMs
  const { latencies, whole } = await role.call('end')
  return {
    ...{ cpuUs: (cpuMs * 1000) / received, perSecond: (received * 1000) / elapsedMs, whole, loadBusy },
    ...{ p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), busy: cpuMs / elapsedMs },
  }
}

function show({ title, servers, wanted }: Case, rounds: Round[][]): void {
  const of = (i: number, key: keyof Round) => median(rounds[i]!.map(round => round[key]))
  const base = of(servers.indexOf(socketIo), 'cpuUs')
  note(`${title}:`)
  table(
    ['', 'CPU µs a delivery', 'of Socket.IO’s', 'deliveries/s', 'p50 ms', 'p99 ms', 'server busy', 'whole'],
    servers.map(({ name }, i) => [
      name,
      of(i, 'cpuUs').toFixed(1),
      (of(i, 'cpuUs') / base).toFixed(2),
      count(of(i, 'perSecond')),
      ms(of(i, 'p50')),
      ms(of(i, 'p99')),
      percent(of(i, 'busy')),
      rounds[i]!.every(round => round.whole === 1) ? 'yes' : percent(Math.min(...rounds[i]!.map(round => round.whole))),
    ]),
  )
  note(`target: ${wanted}.`)
  note(`The load generator used ${percent(Math.max(...rounds.flat().map(round => round.loadBusy)))} of a core at most.`)
}

async function measure(what: Case, running: Running[], loads: StreamLoad[]): Promise<void> {
  const { title, viewersEach, viewersOfAll = 0, load, servers } = what
  for (const [i, { name, dialect }] of servers.entries()) {
    const { port, agentTokens, viewerToken } = running[i]!
    const options: StreamsOptions = { dialect, port, agentTokens, viewerToken, viewersEach, viewersOfAll }
    const late = `${name}, ${title}: agents and viewers did not connect`
    await within(CONNECT_MS, late, loads[i]!.call('connect', options))
  }
  const neighbours = new Neighbours([...running.map(({ pid }) => pid), ...loads.map(({ pid }) => pid)])
  const rounds = servers.map((): Round[] => [])
  for (let n = 0; n < ROUNDS; n++) {
    for (const [i] of servers.entries())
      rounds[i]!.push(await oneRound(running[i]!, loads[i]!, load, n === 0 ? FIRST_WARM_UP_MS : WARM_UP_MS))
  }
  show(what, rounds)
  sharedMachine(neighbours.cores())
  console.log()
}

for (const what of cases) {
  if (only !== undefined && !only.split(',').includes(what.key)) continue
  const starting = what.servers.map(server => server.start(what.agents))
  const loads = what.servers.map(() => startRole<typeof streams>('load/streams.js', { core: 1 }))
  try {
    await measure(what, await Promise.all(starting), loads)
    for (const role of loads) await role.call('close')
  } finally {
    // Clean up even if one of them did not start.
    const started = (await Promise.allSettled(starting)).flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
    await Promise.all([...started.map(server => server.stop()), ...loads.map(role => role.stop())])
  }
}
