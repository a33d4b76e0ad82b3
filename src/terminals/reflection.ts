import type { AgentTerminal, TerminalEnding, TerminalIdentity, TerminalPlace } from './agent-terminal.ts'
import type { ScreenSize } from './screen.ts'
import type { TerminalStore } from './terminal-store.ts'
import type { Viewer } from './viewer.ts'
import type { Viewers } from './viewers.ts'

export type ReflectedEnding = TerminalEnding | 'vanished'

/** One terminal as the active node describes it. */
export interface ReflectedTerminal extends ScreenSize {
  terminalId: string
  identity: TerminalIdentity
  /** Where the output ends, or will end once the agent has resent the missing bytes. */
  position: number
  isLocal: boolean
  ending?: ReflectedEnding
}

/**
 * Mirrors the terminals of the active node in this node's hub: the same ones in the same order. Bytes arrive only for
 * terminals that are followed here.
 */
export class Reflection {
  readonly #store: TerminalStore
  readonly #viewers: Viewers
  #place: TerminalPlace = 'decided'

  constructor(store: TerminalStore, viewers: Viewers) {
    this.#store = store
    this.#viewers = viewers
  }

  /**
   * Whether this node is in charge of terminals (`decided`) or mirrors them. When it starts to mirror, it drops
   * terminals that nobody here watches, since it will not see their further output.
   */
  set place(place: TerminalPlace) {
    this.#place = place
    for (const agentId of this.#store.agentIds) {
      if (place === 'mirrored' && !this.#viewers.wants(agentId)) this.#store.remove(agentId)
      for (const terminal of this.#store.ofAgent(agentId)) {
        terminal.place = place
        if (place === 'decided') terminal.arrived()
      }
    }
    if (place === 'decided') for (const agentId of this.#viewers.wanted) this.settled(agentId)
  }

  /** The agents of which a viewer here has a terminal open. */
  get wanted(): string[] {
    return this.#viewers.wanted
  }

  wants(agentId: string): boolean {
    return this.#viewers.wants(agentId)
  }

  find(agentId: string, terminalId: string | undefined): AgentTerminal | undefined {
    return this.#store.find(agentId, terminalId)
  }

  /** The terminals of this agent that are followed here. */
  followed(agentId: string): AgentTerminal[] {
    return this.#store.ofAgent(agentId).filter(terminal => terminal.isFollowed)
  }

  /**
   * The agent has these terminals, newest last. A known terminal is kept if it is the same one. `isWhole`: the list is
   * complete, so terminals that are not in it are gone.
   */
  reflect(agentId: string, described: readonly ReflectedTerminal[], isWhole: boolean): void {
    const terminals = described.map(each => {
      const known = this.#store.find(agentId, each.terminalId)
      const terminal = known && isSame(known, each) ? known : this.#begin(agentId, each, false)
      this.#adopt(terminal, each)
      return terminal
    })
    if (isWhole) {
      const listed = new Set(terminals)
      for (const terminal of this.#store.ofAgent(agentId)) if (!listed.has(terminal)) terminal.vanish()
    }
    this.#store.arrange(terminals)
    const newest = this.#store.find(agentId, undefined)
    if (newest) for (const viewer of this.#viewers) viewer.newest(newest)
    this.prune(agentId)
  }

  began(agentId: string, described: ReflectedTerminal): void {
    this.#adopt(this.#begin(agentId, described, true), described)
    this.prune(agentId)
  }

  ended(terminal: AgentTerminal, ending: ReflectedEnding): void {
    if (ending === 'vanished') terminal.vanish()
    else terminal.exit(ending)
  }

  prune(agentId: string): void {
    this.#store.prune(agentId)
  }

  feed(terminal: AgentTerminal, offset: number, bytes: Uint8Array): void {
    this.#store.grow(terminal, () => terminal.feed(offset, bytes))
  }

  taken(terminal: AgentTerminal, offset: number): void {
    for (const viewer of this.#viewers) viewer.taken(terminal, offset)
  }

  /** It is now known which terminals the agent has. */
  settled(agentId: string): void {
    for (const viewer of this.#viewers) viewer.settled(agentId)
  }

  /** The viewer here that holds the terminal's size. */
  holderOf(terminal: AgentTerminal): Viewer | undefined {
    return this.#viewers.holderOf(terminal)
  }

  /** The active node lets this viewer set the terminal's size. */
  giveSize(terminal: AgentTerminal, viewer: Viewer): void {
    this.#viewers.giveSize(terminal, viewer)
  }

  /** No viewer here has a terminal of the agent open any more. */
  forget(agentId: string): void {
    this.#store.remove(agentId)
  }

  #begin(agentId: string, { terminalId, identity, cols, rows }: ReflectedTerminal, isNewest: boolean): AgentTerminal {
    return this.#store.begin({ agentId, terminalId, identity }, { cols, rows }, terminal => {
      terminal.place = this.#place
      for (const viewer of this.#viewers) viewer.began(terminal, isNewest)
    })
  }

  #adopt(terminal: AgentTerminal, { identity, isLocal, ending }: ReflectedTerminal): void {
    terminal.identity = identity
    terminal.isLocal = isLocal
    // Followers learn of the end later, after the last byte.
    if (ending === undefined) terminal.reappear()
    else if (!terminal.isFollowed) this.ended(terminal, ending)
  }
}

/**
 * Terminals with different marks are still the same one if the active node's output can continue where this one ends.
 */
function isSame(known: AgentTerminal, { identity, position }: ReflectedTerminal): boolean {
  if (known.identity.mark === identity.mark) return true
  return known.ending === undefined && known.identity.bootId === identity.bootId && known.end <= position
}
