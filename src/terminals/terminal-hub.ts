import { randomUUID } from 'node:crypto'
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
import { Reflection } from './reflection.ts'
import { render, type TerminalFormat } from './render.ts'
import type { ScreenSize } from './screen.ts'
import type { ScreenHost } from './screen-host.ts'
import { TerminalStore } from './terminal-store.ts'
import type { AgentTerminalPort, TerminalResult, TerminalUpstream } from './terminal-upstream.ts'
import type { ViewerPort } from './viewer-stream.ts'
import { Viewers } from './viewers.ts'

/** Observes the terminals of one agent. */
export interface AgentWatcher {
  /** The agent connected and listed its terminals. `began` is not called for terminals that begin with this list. */
  attached(): void
  began(terminal: AgentTerminal): void
  ended(terminal: AgentTerminal): void
  /** The program has read its input up to this offset. */
  taken(terminal: AgentTerminal, offset: number): void
}

export interface TerminalHubOptions {
  clock: Clock
  /** Where screens are drawn. */
  screens: ScreenHost
  /** A screen could not be drawn. Its viewer keeps waiting; other viewers are not affected. */
  onFault(error: unknown): void
  /** Bytes of output kept per terminal. */
  ringBytes?: number
  /**
   * Bytes of output kept for all terminals together. Beyond this, unwatched terminals are evicted, ended ones first and
   * the least recently used before others.
   */
  totalBytes?: number
  /** How many ended terminals are kept per agent. */
  keptEnded?: number
  /** How many terminals of one agent may be live at once. More are refused, since an agent could open any number. */
  maxLive?: number
  /** How many terminals one viewer may have open. */
  maxOpen?: number
  /** How many unacknowledged bytes a viewer may be sent. */
  creditBytes?: number
  /** The minimum time between two snapshots in mode `snapshot`. */
  snapshotIntervalMs?: number
  /** How long an agent may take to resend missing bytes. */
  resendTimeoutMs?: number
  /** How many terminals may be drawn for one reader at once. Further reads wait. */
  readsAtOnce?: number
  /** How many reads of one reader may wait. */
  readsWaiting?: number
  /** The lowest number for input. It must be higher than any number that an earlier active node sent to the agent. */
  firstInput?: () => number
}

/** `rendered`: UTF-8. `busy`: too many reads of this reader are waiting already. */
export type Rendering = { status: 'rendered'; bytes: Uint8Array } | { status: 'none' } | { status: 'busy' }

const MiB = 1024 * 1024
const DEFAULT_SIZE = { cols: 80, rows: 24 }
const OK = { status: 'ok' } as const

/** All terminals of all agents on this node. Passes output from agents to viewers, and input and sizes to agents. */
export class TerminalHub {
  readonly #options: Required<TerminalHubOptions>
  readonly #store: TerminalStore
  readonly #agents = new Map<string, { port: AgentTerminalPort; bootId: string | undefined }>()
  readonly #viewers: Viewers
  readonly #watchers = new Map<string, Set<AgentWatcher>>()
  /** The agents that have connected since this node became the active one. */
  readonly #known = new Set<string>()
  /** The active node; undefined if this node is it. */
  #upstream: TerminalUpstream | undefined
  /** The active node's terminals as this node mirrors them. */
  readonly reflection: Reflection
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
      firstInput: options.clock.now.bind(options.clock),
      ...options,
    }
    this.#reads = new ReadingLimit(this.#options.readsAtOnce, this.#options.readsWaiting)
    this.#store = new TerminalStore({
      ...this.#options,
      onAnswer: (terminal, data) => this.#type(terminal, { data }),
      onWatched: terminal => this.#upstream?.watched(terminal),
      onClaim: async terminal => this.#upstream?.claim(terminal),
      onUnclaim: terminal => this.#upstream?.unclaim(terminal),
    })
    this.#viewers = new Viewers({
      ...this.#options,
      onInterest: agentId => this.#upstream?.interest(agentId),
      onLetGo: (viewerId, terminal) => this.#upstream?.letGo(viewerId, terminal),
    })
    this.reflection = new Reflection(this.#store, this.#viewers)
  }

  /** Bytes allocated by the rings of all terminals. */
  get allocatedBytes(): number {
    return this.#store.allocatedBytes
  }

  // ---- agents

  /** The agent connected and has these terminals. Their output since the last connection is requested. */
  attach(
    agentId: string,
    port: AgentTerminalPort,
    terminals: NonNullable<AgentPayloads['agent:connect']['terminals']> = [],
    bootId?: string,
  ): void {
    this.#agents.set(agentId, { port, bootId })
    const listed = new Set(terminals.map(({ terminalId }) => terminalId))
    for (const terminal of this.#store.ofAgent(agentId)) if (!listed.has(terminal.terminalId)) terminal.vanish()
    for (const { terminalId, cols, rows, offset, local } of terminals) {
      const known = this.#store.find(agentId, terminalId)
      // If the agent is behind our end or its program was restarted, this is a different terminal with a reused id.
      const isKnown = known && known.end <= offset && known.identity.bootId === bootId
      const terminal = isKnown ? known : this.#begin({ agentId, terminalId }, { cols, rows }, false)
      if (terminal === undefined) break
      // Queries that the agent sent earlier, to another node or before a restart, were answered then. Late answers
      // would be typed into the program that runs now.
      if (!isKnown || !this.#known.has(agentId)) terminal.wasAnsweredTo(offset)
      terminal.place = 'decided'
      terminal.reappear()
      terminal.isLocal = local ?? false
      terminal.resize({ cols, rows })
      this.#ask(terminal, terminal.expect(offset))
    }
    this.#store.prune(agentId)
    this.#known.add(agentId)
    this.#tell(agentId, watcher => watcher.attached())
  }

  /** With `port`, does nothing if the agent already has a newer connection. */
  detach(agentId: string, port?: AgentTerminalPort): void {
    if (port === undefined || this.#agents.get(agentId)?.port === port) this.#agents.delete(agentId)
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
  resize(viewer: ViewerPort, request: ClientPayloads['terminal:resize']): TerminalResult | Promise<TerminalResult>
  resize(
    ...args: [string, AgentPayloads['terminal:resize']] | [ViewerPort, ClientPayloads['terminal:resize']]
  ): TerminalResult | Promise<TerminalResult> | WireError | undefined {
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
    const terminal = this.#store.find(agentId, terminalId)
    terminal?.exit({ exitCode, signal })
    if (terminal) this.#tell(agentId, watcher => watcher.ended(terminal))
    this.#store.prune(agentId)
  }

  /** The program has read its input up to this offset. */
  taken(agentId: string, { terminalId, offset }: AgentPayloads['terminal:ack']): void {
    const terminal = this.#store.find(agentId, terminalId)
    if (terminal === undefined) return
    for (const viewer of this.#viewers) viewer.taken(terminal, offset)
    this.#tell(agentId, watcher => watcher.taken(terminal, offset))
  }

  /** The listener is called for each frame of output from an agent. */
  onOutput(listener: (agentId: string, terminalId: string) => void): () => void {
    return this.#output.add(listener)
  }

  /** The last `bytes` bytes of a terminal's output as text; empty if there is no such terminal. */
  tail(agentId: string, terminalId: string, bytes: number): string {
    const terminal = this.#store.find(agentId, terminalId)
    return terminal === undefined ? '' : new TextDecoder().decode(terminal.bytes(terminal.end - bytes))
  }

  /** The agent was deleted: removes its terminals. */
  remove(agentId: string): void {
    for (const viewer of this.#viewers) viewer.closeAgent(agentId)
    this.#store.remove(agentId)
    this.#agents.delete(agentId)
    this.#known.delete(agentId)
  }

  // ---- viewers

  /**
   * Without `terminalId`, follows the newest terminal. If there is no terminal yet, the viewer gets it when it begins.
   */
  open(
    port: ViewerPort,
    { agentId, terminalId, mode = 'bytes', answers, from }: ClientPayloads['terminal:open'],
  ): TerminalResult {
    const viewer = this.#viewers.of(port)
    const target = { agentId, terminalId }
    if (viewer.openCount >= this.#options.maxOpen && !viewer.isOpen(target)) {
      return refused(wireError('subscription_limit', `At most ${this.#options.maxOpen} terminals may be open at once.`))
    }
    const terminal = this.#store.find(agentId, terminalId)
    if (terminal) this.#store.touch(terminal)
    viewer.open(target, { mode, answers, from }, terminal, this.#upstream?.knows(agentId) ?? true)
    return OK
  }

  close(port: ViewerPort, { agentId, terminalId }: ClientPayloads['terminal:close']): TerminalResult {
    this.#viewers.find(port.id)?.close({ agentId, terminalId })
    return OK
  }

  /** Applies changed rights of a viewer. Returns the agents whose terminals were closed. */
  keep(port: Pick<ViewerPort, 'id'>, may: Record<'watches' | 'types', (agentId: string) => boolean>): string[] {
    return this.#viewers.find(port.id)?.keep(may) ?? []
  }

  /** The viewer's connection is gone. */
  leave(port: Pick<ViewerPort, 'id'>): void {
    this.#viewers.leave(port.id)
    this.#upstream?.left(port.id)
  }

  ack(port: ViewerPort, { agentId, terminalId, offset }: ClientPayloads['terminal:ack']): void {
    const paced = this.#viewers.find(port.id)?.ack({ agentId, terminalId }, offset)
    if (paced) this.#port(agentId)?.send('terminal:ack', { terminalId: paced.terminalId, offset })
  }

  /** Returns a promise if another node is the active one. */
  input(port: ViewerPort, request: ClientPayloads['terminal:input']): TerminalResult | Promise<TerminalResult> {
    const { agentId, terminalId, inputSeq, ...input } = request
    if (this.#upstream) return this.#upstream.input(this.#viewers.of(port), request)
    const found = this.#reach(agentId, terminalId)
    if (found.status === 'refused') return found
    const { terminal } = found
    if (this.#viewers.of(port).isNewInput(terminal, inputSeq)) this.#type(terminal, input)
    return OK
  }

  #type(terminal: AgentTerminal, input: Omit<AgentServerPayloads['terminal:input'], 'terminalId' | 'inputSeq'>): void {
    if (terminal.ending) return
    // Numbers also grow across server restarts. Otherwise the agent would drop the first keys afterwards as duplicates.
    const sequence = Math.max((this.#inputSeqs.get(terminal) ?? 0) + 1, this.#options.firstInput())
    this.#inputSeqs.set(terminal, sequence)
    const { agentId, terminalId } = terminal
    this.#port(agentId)?.send('terminal:input', { terminalId, ...input, inputSeq: sequence })
  }

  /** Idempotent. Afterwards nothing more is sent, and no timer is left. */
  stop(): void {
    this.#viewers.clear()
    this.#store.stop()
  }

  // ---- other nodes

  /**
   * Another node is now the active one, or, without `upstream`, this one. Viewers keep the terminals they have open.
   */
  follow(upstream: TerminalUpstream | undefined): void {
    this.#upstream = upstream
    // Not cleared otherwise: agents may connect before this node learns that it is the active one.
    if (upstream) this.#known.clear()
    this.reflection.place = upstream ? 'mirrored' : 'decided'
  }

  /** Adds a watcher of an agent's terminals. Returns a function that removes it. */
  watch(agentId: string, watcher: AgentWatcher): () => void {
    const watchers = this.#watchers.get(agentId) ?? new Set()
    this.#watchers.set(agentId, watchers.add(watcher))
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#watchers.get(agentId) === watchers) this.#watchers.delete(agentId)
    }
  }

  /** Newest last. `isKnown`: the agent has listed its terminals since this node became the active one. */
  terminalsOf(agentId: string): { isKnown: boolean; terminals: AgentTerminal[] } {
    return { isKnown: this.#known.has(agentId), terminals: this.#store.ofAgent(agentId) }
  }

  /** From another node: its screen's answers to queries, and acknowledgements from viewers in mode `whole`. */
  relay<K extends 'terminal:input' | 'terminal:ack'>(agentId: string, type: K, payload: AgentServerPayloads[K]): void {
    const terminal = this.#store.find(agentId, payload.terminalId)
    if (type === 'terminal:ack') this.#agents.get(agentId)?.port.send(type, payload)
    else if (terminal) this.#type(terminal, payload as AgentServerPayloads['terminal:input'])
  }

  /** A viewer of another node already held the size before this node became the active one. */
  holdSize(port: ViewerPort, { agentId, terminalId }: { agentId: string; terminalId: string }): void {
    const terminal = this.#store.find(agentId, terminalId)
    if (terminal) this.#viewers.holdSize(terminal, this.#viewers.of(port))
  }

  /** A viewer of another node no longer has the terminal open. */
  letGo(port: Pick<ViewerPort, 'id'>, { agentId, terminalId }: { agentId: string; terminalId: string }): void {
    const terminal = this.#store.find(agentId, terminalId)
    if (terminal) this.#viewers.find(port.id)?.letGo(terminal)
  }

  // ---- reading

  /** Without `terminalId`: the newest terminal. Reads are limited per `reader`: further reads of the same one wait. */
  async render(
    { agentId, terminalId, format }: { agentId: string; terminalId: string | undefined; format: TerminalFormat },
    reader = '',
  ): Promise<Rendering> {
    const terminal = this.#store.find(agentId, terminalId)
    if (!terminal) return { status: 'none' }
    this.#store.touch(terminal)
    const turn = await this.#reads.run(reader, () => render(terminal, format, this.#options.screens))
    if (turn.status === 'busy') return turn
    return turn.value === undefined ? { status: 'none' } : { status: 'rendered', bytes: turn.value }
  }

  #requestSize(port: ViewerPort, request: ClientPayloads['terminal:resize']): TerminalResult | Promise<TerminalResult> {
    const { agentId, terminalId, cols, rows } = request
    if (this.#upstream) return this.#upstream.resize(this.#viewers.of(port), request)
    const found = this.#reach(agentId, terminalId)
    if (found.status === 'refused') return found
    const { terminal, agent } = found
    if (!this.#viewers.holdSize(terminal, this.#viewers.of(port))) {
      return refused(wireError('conflict', 'Another viewer controls the size of this terminal until it closes it.'))
    }
    const { size } = terminal.timeline
    if (size.cols !== cols || size.rows !== rows) {
      agent.send('terminal:resize', { terminalId: terminal.terminalId, cols, rows })
    }
    return OK
  }

  /** Undefined if the agent has as many live terminals as it may. */
  #begin(id: { agentId: string; terminalId: string }, size: ScreenSize, isToldAlone = true): AgentTerminal | undefined {
    const before = this.#store.find(id.agentId, id.terminalId)
    const isOneMore = before === undefined || before.ending !== undefined
    if (isOneMore && this.#store.isFull(id.agentId)) return undefined
    const identity = { bootId: this.#agents.get(id.agentId)?.bootId, mark: randomUUID() }
    return this.#store.begin({ ...id, identity }, size, terminal => {
      for (const viewer of this.#viewers) viewer.began(terminal)
      if (isToldAlone) this.#tell(id.agentId, watcher => watcher.began(terminal))
    })
  }

  #tooMany(): WireError {
    const limit = this.#options.maxLive
    return wireError(
      'too_large',
      `This agent already has ${limit} live terminals: end some with terminal:exit first.`,
      { limit },
    )
  }

  #ask(terminal: AgentTerminal, received: Received): void {
    if (received.status !== 'missing') return
    const { agentId, terminalId } = terminal
    this.#agents.get(agentId)?.port.send('terminal:resend', { terminalId, from: received.from })
  }

  #port(agentId: string): AgentTerminalPort | undefined {
    return this.#upstream ? this.#upstream.port(agentId) : this.#agents.get(agentId)?.port
  }

  #tell(agentId: string, tell: (watcher: AgentWatcher) => void): void {
    for (const watcher of this.#watchers.get(agentId) ?? []) tell(watcher)
  }

  #reach(
    agentId: string,
    terminalId: string | undefined,
  ): { status: 'ok'; terminal: AgentTerminal; agent: AgentTerminalPort } | Refused {
    const terminal = this.#store.find(agentId, terminalId)
    const agent = this.#agents.get(agentId)?.port
    if (!terminal) return refused(wireError('not_found', 'This agent has no such terminal.'))
    if (terminal.ending) return refused(wireError('conflict', 'This terminal has ended.'))
    if (!agent) return refused(wireError('unavailable', 'The agent of this terminal is not connected.'))
    return { status: 'ok', terminal, agent }
  }
}
