import type { AgentTerminal } from './agent-terminal.ts'
import { ByteStream } from './byte-stream.ts'
import { SnapshotStream } from './snapshot-stream.ts'
import type { ViewerPort, ViewerStream, ViewerStreamOptions } from './viewer-stream.ts'
import { WholeStream } from './whole-stream.ts'

export type ViewerMode = 'bytes' | 'snapshot' | 'whole'

/** Without `terminalId`: always the newest terminal of the agent. */
export interface ViewerTarget {
  agentId: string
  terminalId?: string
}

interface Opened {
  target: ViewerTarget
  mode: ViewerMode
  answers: boolean | undefined
  /** In mode `whole`: the offset of the first byte to send. */
  from: number
  /** Neither a terminal nor an empty screen was sent yet. */
  isWaiting?: boolean
  shown?: { terminal: AgentTerminal; stream: ViewerStream }
}

export interface ViewerOptions extends ViewerStreamOptions {
  /** The viewer opened or closed a terminal of this agent. */
  onOpened?(agentId: string, change: 1 | -1): void
  /** The viewer no longer has the terminal open under any target, or may no longer set its size. */
  onLetGo?(terminal: AgentTerminal): void
}

const keyOf = ({ agentId, terminalId }: ViewerTarget): string => `${agentId} ${terminalId ?? ''}`

/**
 * One connection that watches terminals: the terminals it has open, the sizes it holds, and the number of its latest
 * input. Its id is the connection's, not the user's.
 */
export class Viewer {
  readonly #port: ViewerPort
  readonly #options: ViewerOptions
  readonly #opened = new Map<string, Opened>()
  readonly #held = new Set<AgentTerminal>()
  readonly #typed = new Map<AgentTerminal, number>()

  constructor(port: ViewerPort, options: ViewerOptions) {
    this.#port = port
    this.#options = options
  }

  get id(): string {
    return this.#port.id
  }

  get openCount(): number {
    return this.#opened.size
  }

  isOpen(target: ViewerTarget): boolean {
    return this.#opened.has(keyOf(target))
  }

  /**
   * Opening a target again restarts it, with a new snapshot. Without a terminal, the viewer waits for one to begin.
   * `isSettled`: it is known that there is none yet.
   */
  open(
    target: ViewerTarget,
    { mode, answers, from = 0 }: { mode: ViewerMode; answers?: boolean | undefined; from?: number | undefined },
    terminal: AgentTerminal | undefined,
    isSettled = true,
  ): void {
    const before = this.#opened.get(keyOf(target))
    before?.shown?.stream.close()
    const opened: Opened = { target, mode, answers, from }
    this.#opened.set(keyOf(target), opened)
    if (before === undefined) this.#options.onOpened?.(target.agentId, 1)
    if (terminal) {
      this.#show(opened, terminal)
      return
    }
    opened.isWaiting = true
    if (isSettled) this.#showNothing(opened)
  }

  /** It is now known which terminals this agent has. Targets that still have no terminal get an empty screen. */
  settled(agentId: string): void {
    for (const opened of this.#opened.values()) if (opened.target.agentId === agentId) this.#showNothing(opened)
  }

  /** A terminal of a watched agent begins, or begins again under its old id. */
  began(terminal: AgentTerminal, isNewest = true): void {
    for (const opened of this.#opened.values()) {
      const { agentId, terminalId = isNewest ? terminal.terminalId : undefined } = opened.target
      if (agentId === terminal.agentId && terminalId === terminal.terminalId) this.#show(opened, terminal)
    }
  }

  /** The agent's newest terminal is this one, which need not be the one that began last. */
  newest(terminal: AgentTerminal): void {
    for (const opened of this.#opened.values()) {
      const { agentId, terminalId } = opened.target
      const follows = agentId === terminal.agentId && terminalId === undefined
      if (follows && opened.shown?.terminal !== terminal) this.#show(opened, terminal)
    }
  }

  /** Returns the terminal if its agent waits for this viewer's acknowledgements. */
  ack({ agentId, terminalId }: ViewerTarget, offset: number): AgentTerminal | undefined {
    let paced: AgentTerminal | undefined
    for (const { target, shown } of this.#opened.values()) {
      if (target.agentId !== agentId || !shown) continue
      if (target.terminalId === terminalId || shown.terminal.terminalId === terminalId) {
        shown.stream.ack(offset)
        if (shown.stream.paces) paced = shown.terminal
      }
    }
    return paced
  }

  /** A viewer that follows the newest terminal may also close it by that terminal's id. */
  close(target: ViewerTarget): void {
    const follower = this.#opened.get(keyOf({ agentId: target.agentId }))
    const isShown = follower?.shown?.terminal.terminalId === target.terminalId
    const opened = this.#opened.get(keyOf(target)) ?? (isShown ? follower : undefined)
    if (!opened) return
    opened.shown?.stream.close()
    this.#opened.delete(keyOf(opened.target))
    if (opened.shown) this.#letGoUnlessOpen(opened.shown.terminal)
    this.#options.onOpened?.(opened.target.agentId, -1)
  }

  /**
   * The program has read its input up to `offset`. Only viewers in mode `whole` are notified, since only they feed
   * piped input.
   */
  taken({ agentId, terminalId }: AgentTerminal, offset: number): void {
    for (const { shown } of this.#opened.values()) {
      const isShown = shown?.terminal.agentId === agentId && shown.terminal.terminalId === terminalId
      if (isShown && shown?.stream.paces) this.#port.send('terminal:ack', { agentId, terminalId, offset })
    }
  }

  closeAgent(agentId: string): void {
    for (const { target } of [...this.#opened.values()]) if (target.agentId === agentId) this.close(target)
  }

  /** Closes terminals that the viewer may no longer watch, and releases sizes that it may no longer set. */
  keep({ watches, types }: Record<'watches' | 'types', (agentId: string) => boolean>): string[] {
    const closed = new Set([...this.#opened.values()].map(({ target }) => target.agentId).filter(id => !watches(id)))
    for (const agentId of closed) this.closeAgent(agentId)
    for (const terminal of [...this.#held]) {
      if (types(terminal.agentId)) continue
      this.#held.delete(terminal)
      this.#options.onLetGo?.(terminal)
    }
    return [...closed]
  }

  closeAll(): void {
    for (const { target } of [...this.#opened.values()]) this.close(target)
    for (const terminal of new Set([...this.#held, ...this.#typed.keys()])) this.letGo(terminal)
  }

  holdsSize(terminal: AgentTerminal): boolean {
    return this.#held.has(terminal)
  }

  holdSize(terminal: AgentTerminal): void {
    this.#held.add(terminal)
  }

  hasTyped(terminal: AgentTerminal, inputSeq: number): boolean {
    return inputSeq <= (this.#typed.get(terminal) ?? -1)
  }

  /** True if this number is higher than all earlier ones, so that each input is typed only once. */
  isNewInput(terminal: AgentTerminal, inputSeq: number): boolean {
    if (this.hasTyped(terminal, inputSeq)) return false
    this.#typed.set(terminal, inputSeq)
    return true
  }

  /** Releases the size and restarts the numbering of input. */
  letGo(terminal: AgentTerminal): void {
    this.#held.delete(terminal)
    this.#typed.delete(terminal)
    this.#options.onLetGo?.(terminal)
  }

  #show(opened: Opened, terminal: AgentTerminal): void {
    const before = opened.shown
    delete opened.isWaiting
    opened.shown = { terminal, stream: this.#stream(opened, terminal) }
    before?.stream.close()
    if (before) this.#letGoUnlessOpen(before.terminal)
  }

  #showNothing(opened: Opened): void {
    if (!opened.isWaiting) return
    delete opened.isWaiting
    if (opened.mode === 'whole') return
    const { agentId, terminalId = 'main' } = opened.target
    const nothing = { cols: 80, rows: 24, offset: 0, screen: '', title: '' }
    this.#port.send('terminal:snapshot', { agentId, terminalId, ...nothing })
  }

  #stream({ mode, from, answers }: Opened, terminal: AgentTerminal): ViewerStream {
    const options = { ...this.#options, answers }
    switch (mode) {
      case 'bytes':
        return new ByteStream(terminal, this.#port, options)
      case 'snapshot':
        return new SnapshotStream(terminal, this.#port, options)
      case 'whole':
        return new WholeStream(terminal, this.#port, this.#options, from)
      default:
        return mode satisfies never
    }
  }

  /** A viewer keeps its size and numbering while it has the terminal open under any target. */
  #letGoUnlessOpen(terminal: AgentTerminal): void {
    if (![...this.#opened.values()].some(({ shown }) => shown?.terminal === terminal)) this.letGo(terminal)
  }
}
