import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Role } from '@fleetwire/protocol'
import type { Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import type { Beat } from '../../src/cluster/beats.ts'
import { openReplicatedLog } from '../../src/cluster/log/replicated-log.ts'
import { type NatsCommitStream, openNatsCommitStream } from '../../src/cluster/nats/nats-commit-stream.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { Balancer } from '../../src/processes/balancer.ts'
import { ReadyNodes } from '../../src/processes/ready-nodes.ts'
import { hmacToken } from './foreign-token.ts'
import { NatsCluster } from './nats-cluster.ts'
import { fleetwire, freePort, here, type Place, type Running } from './processes.ts'
import { until } from './until.ts'

export interface FleetClusterOptions {
  /** Settings of all nodes. */
  env?: Record<string, string>
  nodes?: readonly NodePlace[]
  servers?: readonly Place[]
  /** Writes the fleet's initial data before its nodes start. */
  fill?: (log: EventLog) => Promise<void>
}

export interface NodePlace extends Place {
  /** The host at which the test and clients reach the node, if it differs from the one for other nodes. */
  front?: string
}

/** A node's answer at `/ready`. */
export interface Readiness {
  status: number
  body: { ready: boolean; [name: string]: unknown }
}

const ANSWER_MS = 1000
/** A beat is sent once a second; older beats are ignored. */
const BEAT_MS = 1500

/** One real `fleetwire serve` process. */
export class FleetNode {
  readonly name: string
  /** The host at which the test and clients reach the node. */
  readonly host: string
  readonly port: number
  readonly #folder: string
  readonly #launch: () => Running
  #running: Running | undefined
  #startedAt = 0

  constructor(name: string, host: string, port: number, folder: string, launch: () => Running) {
    this.name = name
    this.#folder = folder
    this.host = host
    this.port = port
    this.#launch = launch
  }

  get url(): string {
    return `http://${this.host}:${this.port}`
  }

  /** Everything printed since the last start. */
  get output(): string {
    return this.#running?.output() ?? ''
  }

  get isRunning(): boolean {
    return this.#running?.child.exitCode === null && this.#running.child.signalCode === null
  }

  start(): void {
    this.#running = this.#launch()
    this.#startedAt = performance.now()
  }

  /** On the clock of `performance.now()`. */
  get startedAt(): number {
    return this.#startedAt
  }

  /** Deletes the replica of a stopped node, so that it starts as a new one. */
  async forget(): Promise<void> {
    await rm(this.#folder, { recursive: true })
  }

  /** Sends the signal, and waits for the end of the process. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    await this.#running!.kill(signal)
  }

  /** Shuts the node down gracefully; resolves with its exit code. */
  async end(): Promise<number | null> {
    await this.kill('SIGTERM')
    return (await this.#running!.ended).code
  }

  /** Suspends the process, which keeps its connections. */
  pause(): void {
    this.#running!.child.kill('SIGSTOP')
  }

  resume(): void {
    this.#running!.child.kill('SIGCONT')
  }

  /** Resolves with undefined if the node does not answer. */
  async readiness(): Promise<Readiness | undefined> {
    try {
      const response = await fetch(`${this.url}/ready`, { signal: AbortSignal.timeout(ANSWER_MS) })
      return { status: response.status, body: (await response.json()) as Readiness['body'] }
    } catch {
      return undefined
    }
  }
}

/** Three real nodes on three real nats-servers, behind a balancer. All of them end with the test. */
export class FleetCluster {
  readonly nats: NatsCluster
  readonly nodes: readonly FleetNode[]
  /** The URL of the balancer in front of the nodes. */
  readonly url: string
  readonly #secret: string
  readonly #observer: NatsCommitStream
  readonly #heard = new Map<string, { beat: Beat; at: number }>()

  private constructor(
    nats: NatsCluster,
    nodes: readonly FleetNode[],
    url: string,
    secret: string,
    observer: NatsCommitStream,
  ) {
    this.nats = nats
    this.nodes = nodes
    this.url = url
    this.#secret = secret
    this.#observer = observer
    observer.beats.listen(beat => this.#heard.set(beat.node, { beat, at: performance.now() }))
  }

  /** Resolves when all nodes are ready, or with undefined if there is no nats-server. */
  static async start(t: Test, options: FleetClusterOptions = {}): Promise<FleetCluster | undefined> {
    const { env = {}, nodes: places = [here, here, here], servers, fill } = options
    const nats = await NatsCluster.start(t, { ...(servers && { places: servers }) })
    if (nats === undefined) return undefined
    const secret = randomBytes(32).toString('hex')
    const dir = await mkdtemp(join(tmpdir(), 'fleetwire-cluster-'))
    t.teardown(() => rm(dir, { recursive: true, force: true }))
    const observer = await openNatsCommitStream({
      ...{ servers: nats.addresses, namespace: env.FLEETWIRE_NAMESPACE ?? 'default', clock: systemClock },
    })
    t.teardown(() => observer.close())
    if (fill !== undefined) await writeFirst(observer, join(dir, 'first'), fill)
    const nodes = await Promise.all(
      places.map(async (place: NodePlace, n) => {
        const name = `node-${n + 1}`
        const folder = join(dir, name)
        const port = await freePort()
        const settings = {
          FLEETWIRE_NATS_URL: nats.addresses.join(','),
          FLEETWIRE_NODE: name,
          FLEETWIRE_ADDRESS: `http://${place.address}:${port}`,
          FLEETWIRE_HOST: place.prefix.length > 0 ? '0.0.0.0' : place.address,
          FLEETWIRE_PORT: String(port),
          FLEETWIRE_DATA_DIR: folder,
          FLEETWIRE_JWT_SECRET: secret,
          FLEETWIRE_LOG_LEVEL: 'warn',
          ...env,
        }
        const launch = () => fleetwire(t, ['serve'], settings, dir, place)
        return new FleetNode(name, place.front ?? place.address, port, folder, launch)
      }),
    )
    for (const node of nodes) node.start()
    const url = await balance(t, nodes)
    const cluster = new FleetCluster(nats, nodes, url, secret, observer)
    for (const node of nodes) await cluster.whenReady(node)
    return cluster
  }

  token(role: Role, sub: string = role): string {
    return hmacToken(this.#secret, { sub, role, jti: randomUUID() })
  }

  async whenReady(node: FleetNode): Promise<void> {
    await until(async () => (await node.readiness())?.body.ready)
  }

  /** Resolves with the active node, as soon as there is one. */
  async active(): Promise<FleetNode> {
    return until(() => {
      const serving = this.nodes
        .filter(({ isRunning }) => isRunning)
        .map(node => ({ node, heard: this.#heard.get(node.name) }))
        .filter(({ heard }) => heard?.beat.isServing && performance.now() - heard.at < BEAT_MS)
      return serving.toSorted((a, b) => b.heard!.beat.term - a.heard!.beat.term)[0]?.node
    })
  }

  /** The gateway that was started first: it has clients, which do not return to a node that is restarted later. */
  async gateway(): Promise<FleetNode> {
    const active = await this.active()
    return this.nodes.filter(node => node !== active).toSorted((a, b) => a.startedAt - b.startedAt)[0]!
  }

  /** The server that leads the stream. */
  async streamLeader(): Promise<string> {
    return until(() => this.#observer.leader().catch(() => undefined))
  }

  /** Resolves when a server reports that there is no leader. */
  async streamHasNoLeader(): Promise<void> {
    await until(async () => (await this.#observer.leader().catch(() => 'unknown')) === undefined)
  }

  /** Resolves when every server has the whole stream, so that another server may be killed. */
  async streamIsWhole(): Promise<void> {
    await until(() => this.#observer.isWhole().catch(() => false))
  }
}

/** A load balancer like in production: each new connection goes to a node that reports that it is ready. */
async function balance(t: Test, nodes: readonly FleetNode[]): Promise<string> {
  const ready = new ReadyNodes(systemClock, ({ name }, state) => state === 'silent' && balancer.cut(name))
  const balancer = new Balancer(ready)
  for (const { name, url } of nodes) ready.add({ name, origin: url })
  ready.start()
  t.teardown(() => {
    ready.stop()
    return balancer.close()
  })
  return `http://127.0.0.1:${await balancer.listen(0, '127.0.0.1')}`
}

/** Leads the log until everything is written. */
async function writeFirst(
  stream: NatsCommitStream,
  dir: string,
  fill: (log: EventLog) => Promise<void>,
): Promise<void> {
  const node = { node: 'first', address: 'http://127.0.0.1:1' }
  const log = await openReplicatedLog({ stream, dir, node, clock: systemClock, retention: { count: 1e9, ms: 1e12 } })
  await until(() => log.lead())
  await fill(log)
  await log.resign()
  await log.close()
}
