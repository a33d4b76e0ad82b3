import type { Clock } from '../clock.ts'
import { FLW_ERR_CLUSTER_KEY, FLW_ERR_CLUSTER_NODE } from '../errors.ts'
import type { EventDraft, EventLog } from '../log/event-log.ts'
import type { Beat, Beats } from './beats.ts'
import type { NodeBus } from './bus/node-bus.ts'
import type { ActiveNode, ClusterNode, Durability, Service } from './cluster-node.ts'
import { appendForwarded, type ForwardedAnswer, ForwardingLog } from './forwarding/forwarding-log.ts'
import { HeadWatch } from './log/head-watch.ts'
import type { ReplicatedLog } from './log/replicated-log.ts'
import { NodeCondition } from './node-condition.ts'
import { NodeRole } from './node-role.ts'

const CATCH_UP_MS = 1000
const LOOK_MS = 2000
const APPEND = 'append'

export interface RunningNodeOptions {
  /** The address is set once it is known, before the node starts. */
  self: { readonly node: string; readonly key: string; readonly tokenKeyId?: string; address: string }
  replica: ReplicatedLog
  beats: Beats
  bus: NodeBus
  terminalBus: NodeBus
  clock: Clock
  onFault(error: unknown): void
  onNote(message: string): void
  durability(): Durability
  /** The node is ready only if its durability is `fsync`. */
  requiresFsync: boolean
  /** Closes the replica and the connections. */
  disconnect(): Promise<void>
}

/** A node of a cluster, assembled from its parts. */
export class RunningNode implements ClusterNode {
  readonly log: EventLog
  readonly bus: NodeBus
  readonly terminalBus: NodeBus
  readonly #options: RunningNodeOptions
  readonly #head: HeadWatch
  readonly #role: NodeRole
  readonly #condition: NodeCondition
  readonly #unlisten: (() => void)[]
  readonly #services: Service[] = []
  /** Callers that wait for an active node; undefined once this node is closing and nobody may wait. */
  #waiting: Set<() => void> | undefined = new Set()

  constructor(options: RunningNodeOptions) {
    const { self, replica, beats, bus, terminalBus, clock, onFault, onNote } = options
    this.#options = options
    this.bus = bus
    this.terminalBus = terminalBus
    this.#head = new HeadWatch(replica, clock)
    this.log = new ForwardingLog({
      ...{ replica, clock },
      ask: (drafts, timeoutMs) => this.#ask(drafts, timeoutMs),
      caughtUp: (seq, timeoutMs) => this.#head.reached(seq, timeoutMs),
    })
    this.#role = new NodeRole({
      ...{ node: self, log: replica, beats, clock, onFault, onNote, random: Math.random },
      services: { start: () => this.#startServices(), stop: () => this.#stopServices() },
    })
    this.#condition = new NodeCondition({
      ...{ self, clock, durability: options.durability, requiresFsync: options.requiresFsync },
      position: () => replica.position,
      failed: () => replica.failed,
      isCutOff: () => this.isCutOff,
      hasActive: () => this.active !== undefined,
      reach: () => replica.reach(),
      onTwin: () => onFault(new FLW_ERR_CLUSTER_NODE(self.node)),
      onOtherKey: other => onFault(new FLW_ERR_CLUSTER_KEY(other)),
    })
    this.#unlisten = [
      beats.listen(beat => this.#condition.heard(beat)),
      this.#role.onChange(() => this.#condition.roleChanged()),
    ]
    const timer = clock.setInterval(() => this.#condition.look(), LOOK_MS)
    this.#unlisten.push(() => timer.cancel())
    bus.answer(APPEND, (drafts: EventDraft[]) => appendForwarded(replica, drafts))
  }

  get node(): string {
    return this.#options.self.node
  }

  get key(): string {
    return this.#options.self.key
  }

  get isActive(): boolean {
    return this.#role.isServing
  }

  get active(): ActiveNode | undefined {
    return this.#role.serving
  }

  get members(): readonly Beat[] {
    return this.#role.members
  }

  get isCutOff(): boolean {
    return this.#role.isCutOff || this.#options.replica.failed !== undefined
  }

  get flaw(): string | undefined {
    return this.#condition.flaw
  }

  get lagMs(): number {
    return this.#condition.lagMs
  }

  get durability(): Durability {
    return this.#options.durability()
  }

  get usage() {
    return this.isActive ? this.#options.replica.usage : undefined
  }

  get position(): number {
    return this.#options.replica.position
  }

  get term(): number {
    return this.#options.replica.term
  }

  onCommitted(listener: (ms: number) => void): () => void {
    return this.#options.replica.onWritten(listener)
  }

  onRole(listener: () => void): () => void {
    const { replica } = this.#options
    const unlisten = [this.#role.onChange(listener), replica.onLeader(() => replica.failed !== undefined && listener())]
    return () => {
      for (const each of unlisten) each()
    }
  }

  whenActive(timeoutMs: number): Promise<ActiveNode | undefined> {
    const waiting = this.#waiting
    if (this.active !== undefined || waiting === undefined) return Promise.resolve(this.active)
    return new Promise(resolve => {
      const settle = () => {
        timer.cancel()
        unlisten()
        waiting.delete(settle)
        resolve(this.active)
      }
      waiting.add(settle)
      const timer = this.#options.clock.setTimeout(settle, timeoutMs)
      const unlisten = this.onRole(() => this.active !== undefined && settle())
    })
  }

  caughtUp(head: number, timeoutMs = CATCH_UP_MS): Promise<boolean> {
    return this.#head.reached(head, timeoutMs)
  }

  addService(service: Service): void {
    this.#services.push(service)
  }

  /** From now on this node may become the active one. `address`: where other nodes reach its HTTP server. */
  start(address: string): void {
    this.#options.self.address = address
    this.#role.start()
  }

  /** Takes part in no further election. If this node is active, another one takes over at once. */
  async handOver(): Promise<void> {
    await this.#role.stop()
  }

  async close(): Promise<void> {
    await this.handOver()
    for (const unlisten of this.#unlisten) unlisten()
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const settle of waiting) settle()
    this.#head.stop()
    await this.log.close()
    for (const bus of [this.bus, this.terminalBus]) bus.close()
    await this.#options.disconnect()
  }

  /** In order: a service may need what an earlier one has started. */
  async #startServices(): Promise<void> {
    for (const service of this.#services) await service.start()
  }

  async #stopServices(): Promise<void> {
    await Promise.all(this.#services.toReversed().map(service => service.stop()))
  }

  async #ask(drafts: readonly EventDraft[], timeoutMs: number): Promise<ForwardedAnswer | undefined> {
    const active = await this.whenActive(timeoutMs)
    if (active === undefined || active.node === this.node) return undefined
    return this.bus.request<readonly EventDraft[], ForwardedAnswer>(active.node, APPEND, drafts, { timeoutMs })
  }
}
