import { type ClientFrame, decodeClientFrame, type ServerPayloads, serverFrameFlaw } from '@fleetwire/protocol'
import type { FastifyInstance } from 'fastify'
import { type Dashboard, sendEstablished } from '../../../routes/ws/dashboard.ts'
import { handleFrame } from '../../../routes/ws/handlers/index.ts'
import type { Principal } from '../../../src/auth/principal.ts'
import { Broadcaster } from '../../../src/broadcast/broadcaster.ts'
import { openReplicatedLog, type ReplicatedLog } from '../../../src/cluster/log/replicated-log.ts'
import { NodeRole } from '../../../src/cluster/node-role.ts'
import { ConnectionRegistry } from '../../../src/connections/connection-registry.ts'
import { FlushScheduler } from '../../../src/connections/flush-scheduler.ts'
import { Refusals } from '../../../src/connections/refusals.ts'
import { createFleet, type Fleet } from '../../../src/fleet.ts'
import { OpenMessages } from '../../../src/sessions/open-messages.ts'
import { CountingClock } from '../counting-clock.ts'
import { fleetSettings, noTerminals, noWebhooks } from '../fleet.ts'
import type { ScriptedWire } from '../scripted-wire.ts'
import type { SimulatedCluster } from './cluster.ts'
import type { Disk } from './disk.ts'
import type { Link, SimulatedStream } from './stream.ts'
import { type Pause, ProcessClock } from './time.ts'

export const HEARTBEAT_MS = 2000
export const LEASE_MS = 15_000
const settings = {
  ...fleetSettings,
  ...{ heartbeatMs: HEARTBEAT_MS, ackDeadlineMs: 3000, leaseMs: LEASE_MS, cancelDeadlineMs: 5000 },
  limits: { maxFrameBytes: 262_144, frameRate: 10_000, frameBurst: 20_000 },
}
const config = { HEARTBEAT_MS, MAX_FRAME_BYTES: 262_144, FRAME_RATE: 1000, FRAME_BURST: 1000, OUTBOX_LIMIT_BYTES: 1e6 }
const limits = {
  ...{ frameRate: 1e4, frameBurst: 1e4, agentFrameRate: 1e4, frameRatePerPrincipal: 1e5, frameRatePerAddress: 1e5 },
  ...{ outboxLimitBytes: 1e6, maxConnections: 1000, maxConnectionsPerPrincipal: 1000 },
}
/** How long a process may take to shut down. */
const STOP_MS = 10_000
const RESTART_MS = 1000

/** Safeguards that a test can remove, to show that each is needed. */
export type Safeguard = 'fence' | 'services stop' | 'journal' | 'catch up'

/** One process of a node: everything that a real one runs except its sockets, on its own clocks. */
export class NodeProcess {
  readonly clock: ProcessClock
  readonly timers: CountingClock
  readonly stream: SimulatedStream
  log!: ReplicatedLog
  role!: NodeRole
  fleet!: Fleet
  /** The fleet was started and has not been stopped. */
  isServing = false
  /** The fleet is being stopped; its leftovers are checked afterwards. */
  isStopping = false
  /** Called when the process ends for any reason. */
  readonly ends = new Set<() => void>()
  readonly #node: SimulatedNode
  readonly #world: SimulatedCluster
  #openMessages!: OpenMessages
  #web: { broadcaster: Broadcaster; connections: ConnectionRegistry; app: FastifyInstance } | undefined
  #followers = 0

  constructor(node: SimulatedNode, world: SimulatedCluster, life: number) {
    this.#node = node
    this.#world = world
    this.clock = new ProcessClock(world.time, node.clock)
    this.timers = new CountingClock(this.clock)
    this.stream = world.servers.open(node.link, this.clock, `${node.name}#${life}`)
  }

  async start(): Promise<void> {
    const { clock, stream } = this
    const { name } = this.#node
    const address = { node: name, address: `${name}:1`, key: `${name}#${this.#world.time.at}` }
    const log = await openReplicatedLog({
      ...{ stream, dir: this.#node.disk.dir, clock, node: address, retention: { count: 1e9, ms: 1e12 } },
      appendTimeoutMs: this.#world.appendTimeoutMs,
      onFault: error => this.#fault(error),
      startWorker: this.#node.disk.worker(reply => clock.receive(0, reply)),
    })
    this.log = log
    this.#openMessages = new OpenMessages({ log })
    await this.#openMessages.start()
    this.fleet = createFleet({
      ...{ log: this.#counted(log), clock: this.timers, openMessages: this.#openMessages, settings },
      ...{ terminals: noTerminals, webhooks: noWebhooks, onFault: error => this.#fault(error) },
    })
    this.role = new NodeRole({
      ...{ node: address, log, clock, random: this.#world.random.next },
      beats: this.#world.beatsOf(this.#node, clock),
      services: { start: () => this.#serve(), stop: () => this.#halt() },
      onFault: error => this.#fault(error),
      onNote: note => this.#world.note(`${name}: ${note}`),
    })
    this.#web = this.#openWeb(log)
    this.role.start()
  }

  /** Accepts a dashboard like the `/ws` route. */
  accept(wire: ScriptedWire): void {
    const { app, broadcaster, connections } = this.#web!
    const expiresAt = this.clock.now() + 86_400_000_000
    const principal: Principal = { sub: 'ann', role: 'viewer', agents: ['*'], expiresAt }
    const connection = connections.open<ClientFrame, ServerPayloads>(
      wire,
      { principal, address: '127.0.0.1' },
      {
        ...{ kind: 'dashboard', decode: decodeClientFrame, flawOf: serverFrameFlaw },
        liveness: { intervalMs: HEARTBEAT_MS, silentLimit: 2 },
        onBeat: () => connection.send('heartbeat', { timestamp: this.clock.now() }),
        onFrame: frame => handleFrame(frame, dashboard),
        onClose: () => dashboard.subscriber.close(),
      },
    )
    const subscriber = broadcaster.attach(connection, principal)
    const dashboard: Dashboard = { app, connection, subscriber, wanted: new Set() }
    sendEstablished(dashboard, { resumed: false, cursor: broadcaster.position })
  }

  get isReady(): boolean {
    return this.#web !== undefined
  }

  /** Timers and followers that remain although this node is not active. */
  leftovers(): string[] {
    if (!this.isReady || this.role.isActive || this.isServing || this.isStopping) return []
    const { pending } = this.timers
    const flaws = pending > 0 ? [`${pending} timers are pending although the node is not active`] : []
    // The open messages and the broadcaster follow the log itself, and are not counted.
    if (this.#followers > 0) flaws.push(`${this.#followers} services follow the log although the node is not active`)
    return flaws
  }

  /** Shuts down as on SIGTERM. */
  async end(): Promise<void> {
    await this.role?.stop()
    void this.#web?.connections.closeAll()
    this.#web?.broadcaster.stop()
    this.#openMessages?.stop()
    await this.log?.close()
  }

  async #serve(): Promise<void> {
    await this.fleet.start()
    if (this.role.isActive) this.isServing = true
  }

  async #halt(): Promise<void> {
    this.isServing = false
    if (this.#world.without === 'services stop') return
    this.isStopping = true
    await this.fleet.stop()
    this.isStopping = false
    for (const flaw of this.leftovers()) this.#world.flaw(`${this.#node.name}: ${flaw}`)
  }

  /** The log as the fleet sees it: followers are counted, and removed safeguards are missing. */
  #counted(log: ReplicatedLog): ReplicatedLog {
    return new Proxy(log, {
      get: (target, key) => {
        if (key === 'follow') {
          return (onBatch: Parameters<ReplicatedLog['follow']>[0]) => {
            const unfollow = log.follow(onBatch)
            this.#followers++
            return () => {
              this.#followers--
              unfollow()
            }
          }
        }
        if (key === 'catchUp' && this.#world.without === 'catch up') return undefined
        const value = Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  #openWeb(log: ReplicatedLog) {
    const { clock } = this
    const quiet = () => {}
    const error = (fields: object, message: string) => this.#fault(new Error(`${message}: ${JSON.stringify(fields)}`))
    const logger = { debug: quiet, info: quiet, warn: quiet, error }
    const flusher = new FlushScheduler({ clock, flushMs: 0 })
    const connections = new ConnectionRegistry({
      ...{ clock, logger, flusher, limits, refusals: new Refusals() },
      announcer: { opened: quiet, closed: quiet, flush: quiet },
    })
    const broadcaster = new Broadcaster({ log, flusher })
    broadcaster.start()
    return { broadcaster, connections, app: { clock, config, broadcaster, log: logger } as unknown as FastifyInstance }
  }

  #fault(error: unknown): void {
    // Retention is retried later.
    if (/^Error: Retention: /.test(String(error))) return
    if (!this.clock.isDead) this.#world.flaw(`${this.#node.name}: a fault: ${(error as Error).stack ?? error}`)
  }
}

/** A machine of the cluster: its disk, clocks and links, and its process, if one is running. */
export class SimulatedNode {
  readonly name: string
  readonly link: Link
  readonly clock: { skewMs: number; rate: number }
  readonly disk: Disk
  process: NodeProcess | undefined
  /** Clients cannot reach the node. */
  isHidden = false
  /** The process is shutting down. */
  isEnding = false
  readonly #world: SimulatedCluster
  #lives = 0

  constructor(name: string, world: SimulatedCluster, link: Link, clock: { skewMs: number; rate: number }) {
    this.name = name
    this.link = link
    this.clock = clock
    this.#world = world
    this.disk = world.disk(name)
  }

  start(): void {
    if (this.process !== undefined) return
    const process = new NodeProcess(this, this.#world, ++this.#lives)
    this.process = process
    process.start().catch(error => {
      if (process.clock.isDead) return
      // For example when the servers cannot be reached. A supervisor would start the process again.
      this.#world.note(`${this.name} cannot start: ${error}`)
      this.kill()
      this.#world.time.after(RESTART_MS, () => this.start())
    })
  }

  kill(): void {
    const { process } = this
    if (process === undefined) return
    this.process = undefined
    this.isEnding = false
    process.clock.kill()
    this.disk.released()
    void process.stream.close()
    for (const end of process.ends) end()
  }

  /** Loses the machine with its disk. */
  lose(): void {
    this.kill()
    this.disk.erase()
  }

  terminate(): void {
    const { process } = this
    if (process === undefined || this.isEnding) return
    this.isEnding = true
    const gone = () => {
      if (this.process === process) this.kill()
    }
    this.#world.time.after(STOP_MS, gone)
    void process.end().then(gone)
  }

  pause(kind: Pause): void {
    this.process?.clock.pause(kind)
  }

  resume(): void {
    this.process?.clock.resume()
  }

  /** Moves the wall clock of the machine. */
  jump(ms: number): void {
    this.clock.skewMs += ms
    if (this.process !== undefined) this.process.clock.skewMs += ms
  }

  cut(out: boolean, into: boolean): void {
    this.link.isCutOut = out
    this.link.isCutIn = into
  }
}
