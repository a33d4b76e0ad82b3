import type { ClientPayloads, ServerPayloads } from '@fleetwire/protocol'
import { PacketBus } from '../../src/cluster/bus/packet-bus.ts'
import type { ActiveNode } from '../../src/cluster/cluster-node.ts'
import { ClusterTerminals } from '../../src/cluster/terminals/cluster-terminals.ts'
import { Listeners } from '../../src/listeners.ts'
import type { ScreenHost } from '../../src/terminals/screen-host.ts'
import { TerminalHub, type TerminalHubOptions } from '../../src/terminals/terminal-hub.ts'
import type { AgentTerminalPort } from '../../src/terminals/terminal-upstream.ts'
import type { FakeClock } from './fake-clock.ts'
import { FakeViewer } from './fake-viewer.ts'
import { MemoryNetwork, type MemoryWire } from './memory-node-bus.ts'
import type { seededRandom } from './random.ts'
import { ReferenceScreen } from './reference-screen.ts'

type Random = ReturnType<typeof seededRandom>

export interface TerminalClusterOptions {
  clock: FakeClock
  screens: ScreenHost
  random?: Random
  delayMs?: number
  hub?: Partial<TerminalHubOptions>
  onFault(fault: unknown): void
}

/** The part of a node that concerns terminals: a hub, and a bus to the other nodes. */
export class TerminalNode {
  readonly name: string
  readonly hub: TerminalHub
  readonly wire: MemoryWire
  readonly #bus: PacketBus
  readonly #terminals: ClusterTerminals
  readonly #roles = new Listeners<[]>()
  #active: string | undefined
  isDead = false

  constructor(name: string, network: MemoryNetwork, { clock, screens, hub, onFault }: TerminalClusterOptions) {
    this.name = name
    this.wire = network.join(name)
    this.#bus = new PacketBus({ node: name, wire: this.wire, clock, onFault })
    this.hub = new TerminalHub({ clock, screens, onFault, ...hub })
    const node = this
    this.#terminals = new ClusterTerminals({
      hub: this.hub,
      clock,
      cluster: {
        node: name,
        get active(): ActiveNode | undefined {
          return node.#active === undefined ? undefined : { node: node.#active, address: '', key: '' }
        },
        terminalBus: this.#bus,
        onRole: listener => this.#roles.add(listener),
      },
    })
    this.#terminals.join()
  }

  get isActive(): boolean {
    return this.#active === this.name
  }

  /** Sets the active node, as beats would. */
  believe(active: string | undefined): void {
    const wasActive = this.isActive
    this.#active = active
    if (this.isActive && !wasActive) this.#terminals.start()
    if (!this.isActive && wasActive) this.#terminals.stop()
    this.#roles.tell()
  }

  /** Kills the node without notice. */
  kill(): void {
    this.isDead = true
    this.wire.isCut = true
    this.stop()
  }

  stop(): void {
    this.#terminals.leave()
    this.#bus.close()
    this.hub.stop()
  }
}

/** Nodes with hubs, at most one of which is active. */
export class TerminalCluster {
  readonly nodes = new Map<string, TerminalNode>()
  readonly network: MemoryNetwork
  readonly #options: TerminalClusterOptions
  active: TerminalNode | undefined

  constructor(options: TerminalClusterOptions) {
    const { clock, random, delayMs = 0 } = options
    this.#options = options
    this.network = new MemoryNetwork(clock, random, { delayMs })
  }

  add(name: string): TerminalNode {
    const node = new TerminalNode(name, this.network, this.#options)
    this.nodes.set(name, node)
    node.believe(this.active?.name)
    return node
  }

  kill(name: string): void {
    const node = this.nodes.get(name)!
    this.nodes.delete(name)
    if (this.active === node) this.elect(undefined)
    node.kill()
  }

  /** Makes a node active, and notifies all nodes. Tests must reconnect agents to it. */
  elect(name: string | undefined): void {
    this.active = name === undefined ? undefined : this.nodes.get(name)
    for (const node of this.nodes.values()) node.believe(name)
  }

  stop(): void {
    for (const node of this.nodes.values()) node.stop()
  }
}

/** What the hub sends to an agent: the fields of all four frames. */
interface Told {
  terminalId: string
  data: string
  inputSeq: number
  from: number
  offset: number
  cols: number
  rows: number
}

interface Program {
  output: Buffer
  sizes: { from: number; cols: number; rows: number }[]
  screen: ReferenceScreen
  sentTo: number
  told: string
  exit: { exitCode: number } | undefined
  isExitTold: boolean
}

/** An agent without a socket: it passes the output of its programs to the hub of the active node, like the SDK. */
export class SimulatedAgent {
  readonly agentId: string
  readonly typed: string[] = []
  readonly inputSeqs: number[] = []
  readonly read: number[] = []
  bootId = 'b1'
  readonly #programs = new Map<string, Program>()
  #hub: TerminalHub | undefined
  #port: AgentTerminalPort | undefined

  constructor(agentId: string) {
    this.agentId = agentId
  }

  connect({ hub }: TerminalNode): void {
    this.disconnect()
    const described = [...this.#programs].map(([terminalId, program]) => {
      const { cols, rows } = sizeAt(program, program.sentTo)
      program.told = `${cols}x${rows}`
      return { terminalId, cols, rows, offset: program.sentTo }
    })
    this.#hub = hub
    this.#port = { send: (type, payload) => this.#receive(type, payload as unknown as Told) }
    hub.attach(this.agentId, this.#port, described, this.bootId)
    this.#flush()
  }

  disconnect(): void {
    if (this.#port) this.#hub?.detach(this.agentId, this.#port)
    this.#hub = undefined
    this.#port = undefined
  }

  begin(terminalId: string, { cols, rows } = { cols: 80, rows: 24 }): void {
    const screen = new ReferenceScreen({ cols, rows })
    const sizes = [{ from: 0, cols, rows }]
    const rest = { sentTo: 0, told: '', exit: undefined, isExitTold: false }
    this.#programs.set(terminalId, { output: Buffer.alloc(0), sizes, screen, ...rest })
    this.#flush()
  }

  /** Resolves when a user at the terminal would see the output. */
  async print(terminalId: string, data: string | Uint8Array): Promise<void> {
    const program = this.#programs.get(terminalId)!
    program.output = Buffer.concat([program.output, Buffer.from(data)])
    this.#flush()
    await program.screen.write(Buffer.from(data))
  }

  resize(terminalId: string, { cols, rows }: { cols: number; rows: number }): void {
    const program = this.#programs.get(terminalId)!
    program.sizes = program.sizes.filter(({ from }) => from < program.output.length)
    program.sizes.push({ from: program.output.length, cols, rows })
    program.screen.resize({ cols, rows })
    this.#flush()
  }

  exit(terminalId: string, exitCode: number): void {
    this.#programs.get(terminalId)!.exit = { exitCode }
    this.#flush()
  }

  has(terminalId: string): boolean {
    return this.#programs.has(terminalId)
  }

  length(terminalId: string): number {
    return this.#programs.get(terminalId)?.output.length ?? 0
  }

  output(terminalId: string): Buffer {
    return this.#programs.get(terminalId)!.output
  }

  look(terminalId: string): ReturnType<ReferenceScreen['look']> {
    return this.#programs.get(terminalId)!.screen.look()
  }

  #receive(type: string, { terminalId, data, inputSeq, from, offset, cols, rows }: Told): void {
    const program = this.#programs.get(terminalId)
    if (type === 'terminal:input') {
      this.typed.push(data)
      this.inputSeqs.push(inputSeq)
    } else if (type === 'terminal:ack') this.read.push(offset)
    else if (type === 'terminal:resize') this.resize(terminalId, { cols, rows })
    else if (program) {
      program.sentTo = Math.min(program.sentTo, from)
      program.told = ''
      // Not within the call that requests it.
      queueMicrotask(() => this.#flush())
    }
  }

  #flush(): void {
    const hub = this.#hub
    if (hub === undefined) return
    for (const [terminalId, program] of this.#programs) {
      do {
        const { sentTo, output, sizes } = program
        const { cols, rows } = sizeAt(program, sentTo)
        if (program.told !== `${cols}x${rows}` && !program.isExitTold) {
          program.told = `${cols}x${rows}`
          hub.resize(this.agentId, { terminalId, cols, rows })
        }
        const until = Math.min(output.length, sentTo + 32 * 1024, sizes.find(({ from }) => from > sentTo)?.from ?? 1e12)
        const data = output.subarray(sentTo, until).toString('base64')
        program.sentTo = until
        if (data !== '') hub.output(this.agentId, { terminalId, offset: sentTo, data, encoding: 'base64' })
      } while (program.sentTo < program.output.length)
      const { cols, rows } = sizeAt(program, program.sentTo)
      if (program.told !== `${cols}x${rows}` && !program.isExitTold) {
        program.told = `${cols}x${rows}`
        hub.resize(this.agentId, { terminalId, cols, rows })
      }
      if (program.exit === undefined || program.isExitTold) continue
      program.isExitTold = true
      hub.exit(this.agentId, { terminalId, ...program.exit })
    }
  }
}

const sizeAt = ({ sizes }: Program, offset: number) => sizes.findLast(({ from }) => from <= offset)!

/** A dashboard: renders and acknowledges output, and reopens on another node when its node dies. */
export class SimulatedViewer {
  readonly id: string
  node: TerminalNode
  port: FakeViewer
  inputSeq = 0
  readonly open: ClientPayloads['terminal:open']
  #acked = 0

  constructor(id: string, node: TerminalNode, open: ClientPayloads['terminal:open']) {
    this.id = id
    this.node = node
    this.open = open
    this.port = new FakeViewer(id)
    node.hub.open(this.port, open)
  }

  move(node: TerminalNode): void {
    this.node.hub.leave(this.port)
    this.node = node
    this.port = new FakeViewer(`${this.id}@${node.name}`)
    this.#acked = 0
    node.hub.open(this.port, this.open)
  }

  /** The terminal shown last, and up to which offset. */
  get shown(): { agentId: string; terminalId: string; end: number } | undefined {
    const last = this.port.frames.findLast(({ type }) => type === 'terminal:snapshot' || type === 'terminal:output')
    if (last === undefined) return undefined
    const { agentId, terminalId, offset } = last.payload as ServerPayloads['terminal:output']
    const bytes = last.type === 'terminal:output' ? Buffer.byteLength(last.payload.data, last.payload.encoding) : 0
    return { agentId, terminalId, end: offset + bytes }
  }

  /** Acknowledges everything sent so far as rendered. */
  ack(): void {
    const { shown } = this
    if (shown === undefined || this.#acked === this.port.frames.length) return
    this.#acked = this.port.frames.length
    this.node.hub.ack(this.port, { agentId: shown.agentId, terminalId: shown.terminalId, offset: shown.end })
  }

  /** Mode `whole`: the output of this terminal received since its first byte, joined like the SDK does. */
  whole(terminalId: string): { bytes: Buffer; gap: boolean } {
    let bytes = Buffer.alloc(0)
    let gap = false
    for (const frame of this.port.of('terminal:output')) {
      if (frame.terminalId !== terminalId) continue
      const piece = Buffer.from(frame.data, frame.encoding)
      if (frame.gap) gap = true
      if (frame.offset <= bytes.length) bytes = Buffer.concat([bytes.subarray(0, frame.offset), piece])
    }
    return { bytes, gap }
  }

  /** Mode `whole`: the offset up to which it has received this terminal. */
  wholeEnd(terminalId: string): number {
    const last = this.port.of('terminal:output').findLast(frame => frame.terminalId === terminalId)
    return last === undefined ? 0 : last.offset + Buffer.byteLength(last.data, last.encoding)
  }

  async look(): Promise<ReturnType<ReferenceScreen['look']>> {
    return (await ReferenceScreen.of(this.port.frames)).look()
  }
}
