import type { AgentTerminal } from './agent-terminal.ts'
import { Viewer } from './viewer.ts'
import type { ViewerPort, ViewerStreamOptions } from './viewer-stream.ts'

export interface ViewersOptions extends ViewerStreamOptions {
  /** The first viewer opened a terminal of this agent, or the last one closed its last. */
  onInterest?(agentId: string): void
  /** This viewer no longer has the terminal open under any target, or may no longer set its size. */
  onLetGo?(viewerId: string, terminal: AgentTerminal): void
}

/** All viewers of one node, and which viewer holds the size of each terminal. */
export class Viewers {
  readonly #options: ViewersOptions
  readonly #viewers = new Map<string, Viewer>()
  readonly #sizeHolders = new WeakMap<AgentTerminal, Viewer>()
  /** The number of open terminals by agent. */
  readonly #interest = new Map<string, number>()

  constructor(options: ViewersOptions) {
    this.#options = options
  }

  /** The agents of which some viewer has a terminal open. */
  get wanted(): string[] {
    return [...this.#interest.keys()]
  }

  wants(agentId: string): boolean {
    return this.#interest.has(agentId)
  }

  /** The viewer of this connection, created if needed. */
  of(port: ViewerPort): Viewer {
    let viewer = this.#viewers.get(port.id)
    if (!viewer) {
      viewer = new Viewer(port, {
        ...this.#options,
        onOpened: (agentId, change) => this.#count(agentId, change),
        onLetGo: terminal => this.#options.onLetGo?.(port.id, terminal),
      })
      this.#viewers.set(port.id, viewer)
    }
    return viewer
  }

  find(id: string): Viewer | undefined {
    return this.#viewers.get(id)
  }

  [Symbol.iterator](): IterableIterator<Viewer> {
    return this.#viewers.values()
  }

  leave(id: string): void {
    this.#viewers.get(id)?.closeAll()
    this.#viewers.delete(id)
  }

  clear(): void {
    for (const id of [...this.#viewers.keys()]) this.leave(id)
  }

  /** False if another viewer holds the size of this terminal. It keeps the size until it closes the terminal. */
  holdSize(terminal: AgentTerminal, viewer: Viewer): boolean {
    const holder = this.#sizeHolders.get(terminal)
    if (holder !== viewer && holder?.holdsSize(terminal)) return false
    this.giveSize(terminal, viewer)
    return true
  }

  giveSize(terminal: AgentTerminal, viewer: Viewer): void {
    this.#sizeHolders.set(terminal, viewer)
    viewer.holdSize(terminal)
  }

  /** The viewer that holds the size of this terminal. */
  holderOf(terminal: AgentTerminal): Viewer | undefined {
    const holder = this.#sizeHolders.get(terminal)
    return holder?.holdsSize(terminal) ? holder : undefined
  }

  #count(agentId: string, change: 1 | -1): void {
    const before = this.#interest.get(agentId) ?? 0
    const after = before + change
    if (after === 0) this.#interest.delete(agentId)
    else this.#interest.set(agentId, after)
    if (before === 0 || after === 0) this.#options.onInterest?.(agentId)
  }
}
