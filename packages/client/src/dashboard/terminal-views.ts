import type { Reply, ServerPayloads } from '@fleetwire/protocol'
import type { Clock } from '../clock.ts'
import { DashboardTerminal, type TerminalViewOptions, type TerminalViewPort } from './dashboard-terminal.ts'

/** The open terminals of one client: each frame goes to the views of its terminal. */
export class TerminalViews {
  readonly #port: Omit<TerminalViewPort, 'nextInputSeq' | 'clock'>
  readonly #clock: Clock
  readonly #views = new Map<string, DashboardTerminal>()
  #count = 0
  #inputSeq = 0

  constructor(clock: Clock, port: Omit<TerminalViewPort, 'nextInputSeq' | 'clock'>) {
    this.#clock = clock
    this.#port = port
  }

  open(options: TerminalViewOptions): DashboardTerminal {
    const id = `t${++this.#count}`
    const view: DashboardTerminal = new DashboardTerminal(options, {
      ...this.#port,
      clock: this.#clock,
      nextInputSeq: () => this.#nextInputSeq(),
      send: (type, payload) => {
        if (type === 'terminal:close') this.#views.delete(id)
        // The server counts an open terminal once per connection, however many views it has here.
        if (type === 'terminal:close' && this.#isOpen(view.target)) return
        this.#port.send(type, payload, id)
      },
    })
    this.#views.set(id, view)
    view.open()
    return view
  }

  stop(): void {
    for (const view of this.#views.values()) view.stop()
  }

  /** Called on a new socket. */
  reopen(): void {
    for (const view of this.#views.values()) view.open()
  }

  /** The reply to a frame of a view; false if `id` belongs to none. */
  reply(id: string, reply: Reply): boolean {
    const view = this.#views.get(id)
    if (view !== undefined && !reply.ok) view.refused(reply.error)
    return view !== undefined
  }

  snapshot(snapshot: ServerPayloads['terminal:snapshot']): void {
    const { agentId, terminalId } = snapshot
    const isNamed = this.#isOpen({ agentId, terminalId })
    for (const view of [...this.#views.values()]) if (view.follows(snapshot, isNamed)) view.snapshot(snapshot)
  }

  output(output: ServerPayloads['terminal:output']): void {
    for (const view of this.#showing(output)) view.output(output)
  }

  resized(resize: ServerPayloads['terminal:resize']): void {
    for (const view of this.#showing(resize)) view.resized(resize)
  }

  taken(ack: ServerPayloads['terminal:ack']): void {
    for (const view of this.#showing(ack)) view.taken(ack.offset)
  }

  exited(exit: ServerPayloads['terminal:exit']): void {
    for (const view of this.#showing(exit)) view.exited(exit)
  }

  #isOpen({ agentId, terminalId }: { agentId: string; terminalId?: string }): boolean {
    return [...this.#views.values()].some(
      ({ target }) => target.agentId === agentId && target.terminalId === terminalId,
    )
  }

  #showing(terminal: { agentId: string; terminalId: string }): DashboardTerminal[] {
    return [...this.#views.values()].filter(view => view.shows(terminal))
  }

  /** Also grows across page reloads, for a server that remembers numbers for longer than a connection. */
  #nextInputSeq(): number {
    this.#inputSeq = Math.max(this.#inputSeq + 1, this.#clock.now() * 1000)
    return this.#inputSeq
  }
}
