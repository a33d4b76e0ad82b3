import { setImmediate as turn } from 'node:timers/promises'
import type { AgentFrame, CloseCode } from '@fleetwire/protocol'
import type { AgentSocket } from '../../src/agents/agent-connection.ts'
import { AgentLinks } from '../../src/cluster/agents/agent-links.ts'
import { AgentRelay, type AgentRelayOptions } from '../../src/cluster/agents/agent-relay.ts'
import { PacketBus } from '../../src/cluster/bus/packet-bus.ts'
import type { ActiveNode } from '../../src/cluster/cluster-node.ts'
import { Listeners } from '../../src/listeners.ts'
import { FakeClock } from './fake-clock.ts'
import { MemoryNetwork, type MemoryWire, type NetworkFaults } from './memory-node-bus.ts'
import { seededRandom } from './random.ts'

/** Nodes in one process that relay agents to each other. The test chooses the active node. */
export class RelayStage {
  readonly clock = new FakeClock()
  readonly random: ReturnType<typeof seededRandom>
  readonly networks: [control: MemoryNetwork, output: MemoryNetwork]
  readonly faults: unknown[] = []

  constructor(seed: number, control: Partial<NetworkFaults> = {}, output: Partial<NetworkFaults> = control) {
    this.random = seededRandom(seed)
    this.networks = [
      new MemoryNetwork(this.clock, this.random, { delayMs: 5, ...control }),
      new MemoryNetwork(this.clock, this.random, { delayMs: 5, ...output }),
    ]
  }

  node(name: string, session: AgentRelayOptions['session']): StagedNode {
    return new StagedNode(this, name, session)
  }

  /** Resolves after a random delay of less than `mostMs`. */
  moment(mostMs: number): Promise<void> {
    return new Promise(resolve => void this.clock.setTimeout(resolve, this.random.below(mostMs)))
  }

  readonly pass = async (ms: number): Promise<void> => {
    for (const until = this.clock.monotonic() + ms; this.clock.monotonic() < until; ) {
      this.clock.advance(5)
      await turn()
      await turn()
    }
  }

  readonly until = async (isSo: () => boolean): Promise<void> => {
    for (let n = 0; !isSo(); n++) {
      if (n > 20_000) throw new Error('not so within 100 s')
      await this.pass(5)
    }
  }
}

export class StagedNode {
  readonly node: string
  readonly relay: AgentRelay
  readonly links: AgentLinks
  readonly bus: PacketBus
  readonly terminalBus: PacketBus
  readonly wires: [control: MemoryWire, output: MemoryWire]
  isActive = false
  active: ActiveNode | undefined
  readonly #roles = new Listeners<[]>()

  constructor(stage: RelayStage, node: string, session: AgentRelayOptions['session']) {
    this.node = node
    const { clock, faults } = stage
    const [control, output] = stage.networks
    this.wires = [control.join(node), output.join(node)]
    const onFault = (fault: unknown) => faults.push(fault)
    this.bus = new PacketBus({ node, clock, wire: this.wires[0], onFault })
    this.terminalBus = new PacketBus({ node, clock, wire: this.wires[1], onFault })
    this.links = new AgentLinks({ bus: this.bus, outputBus: this.terminalBus, session, clock })
    this.relay = new AgentRelay({ cluster: this, clock, random: stage.random.next, session })
    this.relay.start()
  }

  onRole(listener: () => void): () => void {
    return this.#roles.add(listener)
  }

  /** The node learns which node is active. */
  learn(active: string | undefined): void {
    if (active === this.active?.node) return
    const wasActive = this.isActive
    this.active = active === undefined ? undefined : { node: active, address: '', key: '' }
    this.isActive = active === this.node
    if (this.isActive && !wasActive) this.links.start()
    if (wasActive && !this.isActive) this.links.stop()
    this.#roles.tell()
  }

  /** Kills the node without notice. */
  kill(): void {
    for (const wire of this.wires) {
      wire.isCut = true
      wire.close()
    }
    this.bus.close()
    this.terminalBus.close()
  }
}

/** The socket of an agent at its gateway. */
export class StagedSocket implements AgentSocket {
  isPaused = false

  readonly id: string
  readonly tokenExpiresAt = 1_800_000_000_000
  readonly said: unknown[][] = []
  closed: { code: CloseCode; reason: string; reconnectAfterMs?: number } | undefined

  constructor(id: string) {
    this.id = id
  }

  send(type: string, payload: unknown): void {
    this.said.push(['send', type, payload])
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  join(): void {
    this.said.push(['join'])
  }

  error(code: string, message: string, about?: unknown): void {
    this.said.push(['error', code, message, about])
  }

  close(code: CloseCode, reason: string, options: { reconnectAfterMs?: number } = {}): void {
    this.closed ??= { code, reason, ...options }
  }
}

/** A frame from an agent, with a number if one is given. */
export const frame = (type: string, payload: object = {}, n?: number): AgentFrame =>
  ({ type, payload, ...(n !== undefined && { n }) }) as AgentFrame
