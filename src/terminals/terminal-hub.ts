import {
  type AgentPayloads,
  type AgentServerPayloads,
  type ClientPayloads,
  type WireError,
  wireError,
} from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { Listeners } from '../listeners.ts'
import { type Refused, refused } from '../outcome.ts'
import type { AgentTerminal, Received } from './agent-terminal.ts'
import { ReadingLimit } from './reading-limit.ts'
import type { ScreenSize } from './screen.ts'
import type { ScreenHost } from './screen-host.ts'
import { TerminalStore } from './terminal-store.ts'
import { Viewer } from './viewer.ts'
import type { ViewerPort } from './viewer-stream.ts'

/** An agent's connection as terminals use it. `send` must not throw and must not wait. */
export interface AgentTerminalPort {
  send<K extends 'terminal:input' | 'terminal:resize' | 'terminal:resend' | 'terminal:ack'>(
    type: K,
    payload: AgentServerPayloads[K],
  ): void
}

export interface TerminalHubOptions {
  clock: Clock
  /** Where screens are drawn. */
  screens: ScreenHost
  /** A screen could not be drawn: its viewer waits, the others go on. */
  onFault(error: unknown): void
  /** Bytes of output kept of one terminal. */
  ringBytes?: number
  /**
   * Bytes of output kept of all terminals. Beyond this, terminals that nobody watches go first, the least recently used
   * before others.
   */
  totalBytes?: number
  /** How many ended terminals are kept per agent. */
  keptEnded?: number
  /**
   * How many terminals of one agent may be live at once. More are refused, since an agent could open them without end.
   */
  maxLive?: number
  /** How many terminals one viewer may have open. */
  maxOpen?: number
  /** How many bytes a viewer may be sent beyond what it acknowledged. */
  creditBytes?: number
  /** The shortest time between two snapshots of mode `snapshot`. */
  snapshotIntervalMs?: number
  /** How long an agent may take to send missing bytes again. */
  resendTimeoutMs?: number
  /** How many terminals may be drawn for one reader at once; further ones wait. */
  readsAtOnce?: number
  /** How many may wait for one reader. */
  readsWaiting?: number
}

export type TerminalResult = { status: 'ok' } | Refused
export type TerminalFormat = 'text' | 'ansi' | 'cast'
/** `rendered`: UTF-8. `busy`: too many terminals wait for this reader already. */
export type Rendering = { status: 'rendered'; bytes: Uint8Array } | { status: 'none' } | { status: 'busy' }

const MiB = 1024 * 1024
const DEFAULT_SIZE = { cols: 80, rows: 24 }
const OK = { status: 'ok' } as const

/**
 * All terminals of all agents on this node: takes output from agents and sends it to viewers, and the other way round
 * for input and sizes.
 */
export class TerminalHub {
  readonly #options: Required<TerminalHubOptions>
  readonly #store: TerminalStore
  readonly #ports = new Map<string, AgentTerminalPort>()
  readonly #viewers = new Map<string, Viewer>()
  readonly #sizeHolders = new WeakMap<AgentTerminal, Viewer>()
  readonly #inputSeqs = new WeakMap<AgentTerminal, number>()
  readonly #reads: ReadingLimit
  readonly #output = new Listeners<[agentId: string, terminalId: string]>()

  constructor(options: TerminalHubOptions) {
    this.#options = {
      ringBytes: 2 * MiB,
      totalBytes: 256 * MiB,
      keptEnded: 20,
      maxLive: 2000,
      maxOpen: 64,
      creditBytes: 512 * 1024,
      snapshotIntervalMs: 1000,
      resendTimeoutMs: 5000,
      readsAtOnce: 4,
      readsWaiting: 64,
      ...options,
    }
    this.#reads = new ReadingLimit(this.#options.readsAtOnce, this.#options.readsWaiting)
    this.#store = new TerminalStore({
      ...this.#options,
      onAnswer: (terminal, data) => this.#type(terminal, { data }),
    })
  }

  /** Bytes that the rings of all terminals occupy. */
  get allocatedBytes(): number {
    return this.#store.allocatedBytes
  }

  // ---- agents

  /** The agent is connected and has these terminals. What they wrote in the meantime is asked for. */
  attach(
    agentId: string,
    port: AgentTerminalPort,
    terminals: NonNullable<AgentPayloads['agent:connect']['terminals']> = [],
  ): void {
    this.#ports.set(agentId, port)
    const listed = new Set(terminals.map(({ terminalId }) => terminalId))
    for (const terminal of this.#store.ofAgent(agentId)) if (!listed.has(terminal.terminalId)) terminal.vanish()
    for (const { terminalId, cols, rows, offset, local } of terminals) {
      const known = this.#store.find(agentId, terminalId)
      // It starts later than we have: another terminal under an old id.
      const terminal = known && known.end <= offset ? known : this.#begin({ agentId, terminalId }, { cols, rows })
      if (terminal === undefined) break
      terminal.isLocal = local ?? false
      terminal.resize({ cols, rows })
      this.#ask(terminal, terminal.expect(offset))
    }
    this.#store.prune(agentId)
  }

  /** With `port`, does nothing if the agent has a newer connection by now. */
  detach(agentId: string, port?: AgentTerminalPort): void {
    if (port === undefined || this.#ports.get(agentId) === port) this.#ports.delete(agentId)
  }

  output(agentId: string, frame: AgentPayloads['terminal:output']): WireError | undefined {
    const { terminalId } = frame
    const known = this.#store.find(agentId, terminalId)
    const anew = known?.ending !== undefined && known.end > 0 && frame.offset === 0
    const terminal = known && !anew ? known : this.#begin({ agentId, terminalId }, known?.timeline.size ?? DEFAULT_SIZE)
    if (terminal === undefined) return this.#tooMany()
    if (terminal !== known) this.#store.prune(agentId)
    this.#store.grow(terminal, () => this.#ask(terminal, terminal.receive(frame)))
    this.#output.tell(agentId, terminalId)
    return undefined
  }

  /** An agent reports the size of its terminal, or a viewer asks for one. */
  resize(agentId: string, size: AgentPayloads['terminal:resize']): WireError | undefined
  resize(viewer: ViewerPort, request: ClientPayloads['terminal:resize']): TerminalResult
  resize(
    ...args: [string, AgentPayloads['terminal:resize']] | [ViewerPort, ClientPayloads['terminal:resize']]
  ): TerminalResult | WireError | undefined {
    if (typeof args[0] !== 'string')
      return this.#requestSize(...(args as [ViewerPort, ClientPayloads['terminal:resize']]))
    const [agentId, { terminalId, cols, rows, local = false }] = args as [string, AgentPayloads['terminal:resize']]
    const terminal = this.#store.find(agentId, terminalId) ?? this.#begin({ agentId, terminalId }, { cols, rows })
    if (terminal === undefined) return this.#tooMany()
    terminal.isLocal = local
    terminal.resize({ cols, rows })
    return undefined
  }

  exit(agentId: string, { terminalId, exitCode, signal }: AgentPayloads['terminal:exit']): void {
    this.#store.find(agentId, terminalId)?.exit({ exitCode, signal })
    this.#store.prune(agentId)
  }

  /** A program has taken its input up to this offset. */
  taken(agentId: string, { terminalId, offset }: AgentPayloads['terminal:ack']): void {
    const terminal = this.#store.find(agentId, terminalId)
    if (terminal) for (const viewer of this.#viewers.values()) viewer.taken(terminal, offset)
  }

  /** Called for each piece of output that an agent sent. */
  onOutput(listener: (agentId: string, terminalId: string) => void): () => void {
    return this.#output.add(listener)
  }

  /** The last `bytes` of a terminal's output as text; empty when there is no such terminal. */
  tail(agentId: string, terminalId: string, bytes: number): string {
    const terminal = this.#store.find(agentId, terminalId)
    return terminal === undefined ? '' : new TextDecoder().decode(terminal.bytes(terminal.end - bytes))
  }

  /** The agent was deleted: removes its terminals. */
  remove(agentId: string): void {
    for (const viewer of this.#viewers.values()) viewer.closeAgent(agentId)
    this.#store.remove(agentId)
    this.#ports.delete(agentId)
  }

  // ---- viewers

  /** Without `terminalId`, or if the terminal has not begun, the viewer gets what begins later. */
  open(
    port: ViewerPort,
    { agentId, terminalId, mode = 'bytes', answers, from }: ClientPayloads['terminal:open'],
  ): TerminalResult {
    const viewer = this.#viewer(port)
    const target = { agentId, terminalId }
    if (viewer.openCount >= this.#options.maxOpen && !viewer.isOpen(target)) {
      return refused(wireError('subscription_limit', `At most ${this.#options.maxOpen} terminals may be open at once.`))
    }
    const terminal = this.#store.find(agentId, terminalId)
    if (terminal) this.#store.touch(terminal)
    viewer.open(target, { mode, answers, from }, terminal)
    return OK
  }

  close(port: ViewerPort, { agentId, terminalId }: ClientPayloads['terminal:close']): TerminalResult {
    this.#viewers.get(port.id)?.close({ agentId, terminalId })
    return OK
  }

  /** The rights of a viewer changed: it keeps what they allow. Returns the agents whose terminals were closed to it. */
  keep(port: Pick<ViewerPort, 'id'>, may: Record<'watches' | 'types', (agentId: string) => boolean>): string[] {
    return this.#viewers.get(port.id)?.keep(may) ?? []
  }

  /** The viewer's connection is gone. */
  leave(port: Pick<ViewerPort, 'id'>): void {
    this.#viewers.get(port.id)?.closeAll()
    this.#viewers.delete(port.id)
  }

  ack(port: ViewerPort, { agentId, terminalId, offset }: ClientPayloads['terminal:ack']): void {
    const paced = this.#viewers.get(port.id)?.ack({ agentId, terminalId }, offset)
    if (paced) this.#ports.get(agentId)?.send('terminal:ack', { terminalId: paced.terminalId, offset })
  }

  input(
    port: ViewerPort,
    { agentId, terminalId, inputSeq, ...input }: ClientPayloads['terminal:input'],
  ): TerminalResult {
    const found = this.#reach(agentId, terminalId)
    if (found.status === 'refused') return found
    const { terminal } = found
    if (this.#viewer(port).isNewInput(terminal, inputSeq)) this.#type(terminal, input)
    return OK
  }

  #type(terminal: AgentTerminal, input: Omit<AgentServerPayloads['terminal:input'], 'terminalId' | 'inputSeq'>): void {
    if (terminal.ending) return
    // It grows across restarts of the server too, or the agent would take the first keys after one for old ones.
    const sequence = Math.max((this.#inputSeqs.get(terminal) ?? 0) + 1, this.#options.clock.now())
    this.#inputSeqs.set(terminal, sequence)
    const { agentId, terminalId } = terminal
    this.#ports.get(agentId)?.send('terminal:input', { terminalId, ...input, inputSeq: sequence })
  }

  /** Idempotent: nothing more is sent, and no timer is left. */
  stop(): void {
    for (const viewer of this.#viewers.values()) viewer.closeAll()
    this.#viewers.clear()
    this.#store.stop()
  }

  // ---- reading

  /** Without `terminalId`: the newest terminal. `reader` names who asks; readers with many requests wait their turn. */
  async render(
    { agentId, terminalId, format }: { agentId: string; terminalId: string | undefined; format: TerminalFormat },
    reader = '',
  ): Promise<Rendering> {
    const terminal = this.#store.find(agentId, terminalId)
    if (!terminal) return { status: 'none' }
    this.#store.touch(terminal)
    const turn = await this.#reads.run(reader, () => this.#render(terminal, format))
    if (turn.status === 'busy') return turn
    return turn.value === undefined ? { status: 'none' } : { status: 'rendered', bytes: turn.value }
  }

  async #render(terminal: AgentTerminal, format: TerminalFormat): Promise<Uint8Array | undefined> {
    switch (format) {
      case 'text':
        return terminal.screenText()
      case 'ansi': {
        const state = await terminal.screenState()
        return state && Buffer.from(state.screen)
      }
      case 'cast': {
        const { agentId, terminalId, timeline, oldest, ending } = terminal
        return this.#options.screens.cast(agentId, {
          title: `${agentId}/${terminalId}`,
          bytes: terminal.bytes(),
          oldest,
          first: timeline.firstSize,
          marks: timeline.marks,
          resizes: [...timeline.resizes],
          exitCode: ending?.exitCode,
        })
      }
    }
  }

  #requestSize(
    port: ViewerPort,
    { agentId, terminalId, cols, rows }: ClientPayloads['terminal:resize'],
  ): TerminalResult {
    const found = this.#reach(agentId, terminalId)
    if (found.status === 'refused') return found
    const { terminal, agent } = found
    const viewer = this.#viewer(port)
    const holder = this.#sizeHolders.get(terminal)
    if (holder !== viewer && holder?.holdsSize(terminal)) {
      return refused(wireError('conflict', 'Another viewer holds the size of this terminal until it closes it.'))
    }
    this.#sizeHolders.set(terminal, viewer)
    viewer.holdSize(terminal)
    const { size } = terminal.timeline
    if (size.cols !== cols || size.rows !== rows) {
      agent.send('terminal:resize', { terminalId: terminal.terminalId, cols, rows })
    }
    return OK
  }

  /** Undefined if the agent may have no more. */
  #begin(id: { agentId: string; terminalId: string }, size: ScreenSize): AgentTerminal | undefined {
    const before = this.#store.find(id.agentId, id.terminalId)
    const isOneMore = before === undefined || before.ending !== undefined
    if (isOneMore && this.#store.isFull(id.agentId)) return undefined
    return this.#store.begin(id, size, terminal => {
      for (const viewer of this.#viewers.values()) viewer.began(terminal)
    })
  }

  #tooMany(): WireError {
    const limit = this.#options.maxLive
    return wireError('too_large', `${limit} terminals of this agent live: end some first, by terminal:exit.`, { limit })
  }

  #ask(terminal: AgentTerminal, received: Received): void {
    if (received.status !== 'missing') return
    const { agentId, terminalId } = terminal
    this.#ports.get(agentId)?.send('terminal:resend', { terminalId, from: received.from })
  }

  #viewer(port: ViewerPort): Viewer {
    let viewer = this.#viewers.get(port.id)
    if (!viewer) {
      viewer = new Viewer(port, this.#options)
      this.#viewers.set(port.id, viewer)
    }
    return viewer
  }

  #reach(
    agentId: string,
    terminalId: string | undefined,
  ): { status: 'ok'; terminal: AgentTerminal; agent: AgentTerminalPort } | Refused {
    const terminal = this.#store.find(agentId, terminalId)
    const agent = this.#ports.get(agentId)
    if (!terminal) return refused(wireError('not_found', 'This agent has no such terminal.'))
    if (terminal.ending) return refused(wireError('conflict', 'This terminal has ended.'))
    if (!agent) return refused(wireError('unavailable', 'The agent of this terminal is not connected.'))
    return { status: 'ok', terminal, agent }
  }
}
