import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import type { Beat } from '../../src/cluster/beats.ts'
import { PacketBus } from '../../src/cluster/bus/packet-bus.ts'
import type { ActiveNode, ClusterNode, Service } from '../../src/cluster/cluster-node.ts'
import { Listeners } from '../../src/listeners.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { MemoryNetwork } from './memory-node-bus.ts'

const PACKET_BYTES = 1_000_000

/**
 * Nodes in one process, whose active node the test chooses. They share one log, so no replica is behind unless the test
 * makes it so.
 */
export class FakeNodes {
  readonly nodes: FakeNode[] = []
  readonly onRole = new Listeners<[]>()
  readonly networks = { control: new MemoryNetwork(systemClock), terminals: new MemoryNetwork(systemClock) }
  readonly log: EventLog
  active: FakeNode | undefined

  constructor(t: Test, log: EventLog) {
    this.log = log
    t.teardown(() => {
      for (const node of this.nodes) node.close()
    })
  }

  join(node: string): FakeNode {
    const joined = new FakeNode(this, node)
    this.nodes.push(joined)
    return joined
  }

  /** Resolves when the node's services run and all nodes know it. Until then no node is active. */
  async activate(node: FakeNode | undefined): Promise<void> {
    const before = this.active
    this.active = undefined
    this.onRole.tell()
    await before?.stopServices()
    await node?.startServices()
    this.active = node
    this.onRole.tell()
  }
}

export class FakeNode implements ClusterNode {
  readonly node: string
  readonly key = randomBytes(16).toString('base64url')
  /** Known when the server listens. */
  address = ''
  /** A test may replace this to delay the replica. */
  catchUp: (head: number) => Promise<boolean> = async () => true
  readonly usage = undefined
  readonly position = 1
  readonly term = 1
  isCutOff = false
  readonly flaw = undefined
  readonly lagMs = 0
  readonly durability = 'unknown'
  readonly bus: PacketBus
  readonly terminalBus: PacketBus
  readonly #nodes: FakeNodes
  readonly #services: Service[] = []

  constructor(nodes: FakeNodes, node: string) {
    this.#nodes = nodes
    this.node = node
    this.bus = this.#busOn(nodes.networks.control)
    this.terminalBus = this.#busOn(nodes.networks.terminals)
  }

  get log(): EventLog {
    return this.#nodes.log
  }

  addService(service: Service): void {
    this.#services.push(service)
  }

  async startServices(): Promise<void> {
    for (const service of this.#services) await service.start()
  }

  async stopServices(): Promise<void> {
    await Promise.all(this.#services.toReversed().map(service => service.stop()))
  }

  close(): void {
    this.bus.close()
    this.terminalBus.close()
  }

  #busOn(network: MemoryNetwork): PacketBus {
    const wire = network.join(this.node)
    wire.maxPacketBytes = PACKET_BYTES
    return new PacketBus({ node: this.node, wire, clock: systemClock, onFault: error => console.error(error) })
  }

  get isActive(): boolean {
    return this.#nodes.active === this
  }

  get active(): ActiveNode | undefined {
    return this.#nodes.active
  }

  async whenActive(timeoutMs: number): Promise<ActiveNode | undefined> {
    if (this.active !== undefined) return this.active
    let timer: NodeJS.Timeout | undefined
    let unlisten = () => {}
    await new Promise<void>(resolve => {
      timer = setTimeout(resolve, timeoutMs)
      unlisten = this.#nodes.onRole.add(() => this.active !== undefined && resolve())
    })
    clearTimeout(timer)
    unlisten()
    return this.active
  }

  get members(): Beat[] {
    return this.#nodes.nodes.map(({ node, address, key, isActive }) => ({
      ...{ node, address, key, isActive, isServing: isActive },
      ...{ position: 0, term: 1, isLeaving: false },
    }))
  }

  onCommitted(): () => void {
    return () => {}
  }

  onRole(listener: () => void): () => void {
    return this.#nodes.onRole.add(listener)
  }

  caughtUp(head: number): Promise<boolean> {
    return this.catchUp(head)
  }
}
