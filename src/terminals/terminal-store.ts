import { AgentTerminal, type AgentTerminalOptions, type TerminalIdentity } from './agent-terminal.ts'
import type { ScreenSize } from './screen.ts'

export interface TerminalStoreOptions extends AgentTerminalOptions {
  totalBytes: number
  keptEnded: number
  maxLive: number
}

/** The terminals of all agents, within two limits: how many per agent, and the memory of all together. */
export class TerminalStore {
  readonly #options: TerminalStoreOptions
  /** By agent and id, newest last. */
  readonly #agents = new Map<string, Map<string, AgentTerminal>>()
  /** Every terminal that holds memory, least recently used first. */
  readonly #used = new Set<AgentTerminal>()
  #bytes = 0

  constructor(options: TerminalStoreOptions) {
    this.#options = options
  }

  get allocatedBytes(): number {
    return this.#bytes
  }

  get agentIds(): string[] {
    return [...this.#agents.keys()]
  }

  ofAgent(agentId: string): AgentTerminal[] {
    return [...(this.#agents.get(agentId)?.values() ?? [])]
  }

  /** Without an id: the newest. */
  find(agentId: string, terminalId: string | undefined): AgentTerminal | undefined {
    return terminalId === undefined ? this.ofAgent(agentId).at(-1) : this.#agents.get(agentId)?.get(terminalId)
  }

  /** Begins a terminal, replacing an earlier one with the same id. `onBegin` runs before the old one is disposed of. */
  begin(
    id: { agentId: string; terminalId: string; identity?: TerminalIdentity | undefined },
    size: ScreenSize,
    onBegin: (terminal: AgentTerminal) => void,
  ): AgentTerminal {
    const { agentId, terminalId } = id
    const terminals = this.#agents.get(agentId) ?? new Map<string, AgentTerminal>()
    this.#agents.set(agentId, terminals)
    const before = terminals.get(terminalId)
    const terminal = new AgentTerminal(id, size, this.#options)
    terminals.delete(terminalId)
    terminals.set(terminalId, terminal)
    onBegin(terminal)
    if (before) this.#free(before)
    return terminal
  }

  /** Moves these terminals to the end of their agent's list, in this order. */
  arrange(terminals: readonly AgentTerminal[]): void {
    for (const terminal of terminals) {
      const all = this.#agents.get(terminal.agentId)
      if (all?.delete(terminal.terminalId)) all.set(terminal.terminalId, terminal)
    }
  }

  /** Whether an agent has as many live terminals as it may. */
  isFull(agentId: string): boolean {
    const { maxLive } = this.#options
    const terminals = this.#agents.get(agentId)
    if (terminals === undefined || terminals.size < maxLive) return false
    let live = 0
    for (const terminal of terminals.values()) if (!terminal.ending) live++
    return live >= maxLive
  }

  /** Drops ended terminals of an agent beyond the limit. */
  prune(agentId: string): void {
    const { keptEnded } = this.#options
    const ended = this.ofAgent(agentId).filter(terminal => terminal.ending && !terminal.watched)
    for (const terminal of ended.slice(0, Math.max(0, ended.length - keptEnded))) this.#drop(terminal)
  }

  touch(terminal: AgentTerminal): void {
    if (this.#used.delete(terminal)) this.#used.add(terminal)
  }

  /** Runs a change that may allocate memory for the terminal, then evicts others if needed. */
  grow(terminal: AgentTerminal, change: () => void): void {
    const before = terminal.allocatedBytes
    change()
    this.#bytes += terminal.allocatedBytes - before
    this.#used.delete(terminal)
    this.#used.add(terminal)
    if (this.#bytes > this.#options.totalBytes) this.#evict(terminal)
  }

  remove(agentId: string): void {
    for (const terminal of this.ofAgent(agentId)) this.#drop(terminal)
  }

  /** Stops drawing all screens. */
  stop(): void {
    for (const terminals of this.#agents.values()) for (const terminal of terminals.values()) terminal.dispose()
  }

  #evict(spared: AgentTerminal): void {
    const idle = [...this.#used].filter(terminal => !terminal.watched && terminal !== spared)
    for (const terminal of [...idle.filter(({ ending }) => ending), ...idle.filter(({ ending }) => !ending)]) {
      if (this.#bytes <= this.#options.totalBytes) return
      // A live terminal loses its kept output but continues.
      if (terminal.ending) this.#drop(terminal)
      else this.#release(terminal)
    }
  }

  #drop(terminal: AgentTerminal): void {
    const terminals = this.#agents.get(terminal.agentId)
    terminals?.delete(terminal.terminalId)
    if (terminals?.size === 0) this.#agents.delete(terminal.agentId)
    this.#free(terminal)
  }

  #free(terminal: AgentTerminal): void {
    this.#release(terminal)
    terminal.dispose()
  }

  #release(terminal: AgentTerminal): void {
    this.#bytes -= terminal.allocatedBytes
    this.#used.delete(terminal)
    terminal.forget()
  }
}
