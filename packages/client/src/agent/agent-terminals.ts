import { AgentTerminal, type AgentTerminalOptions, type TerminalPort } from './agent-terminal.ts'

/** The terminals of one agent, which take turns at the uplink. */
export class AgentTerminals {
  readonly #port: Omit<TerminalPort, 'ended' | 'isOnline'>
  #isOnline = false
  readonly #terminals = new Map<string, AgentTerminal>()

  constructor(port: Omit<TerminalPort, 'ended' | 'isOnline'>) {
    this.#port = port
  }

  /** Replaces an earlier terminal with the same id. */
  open(options: AgentTerminalOptions): AgentTerminal {
    const terminal = new AgentTerminal(options, {
      ...this.#port,
      isOnline: () => this.#isOnline,
      ended: ended => {
        if (this.#terminals.get(ended.terminalId) === ended) this.#terminals.delete(ended.terminalId)
      },
    })
    this.#terminals.get(options.terminalId)?.replace()
    this.#terminals.set(options.terminalId, terminal)
    terminal.announce()
    return terminal
  }

  up(): void {
    this.#isOnline = true
  }

  down(): void {
    this.#isOnline = false
    for (const terminal of this.#terminals.values()) terminal.down()
  }

  get(terminalId: string): AgentTerminal | undefined {
    return this.#terminals.get(terminalId)
  }

  describe(): ReturnType<AgentTerminal['describe']>[] {
    return Array.from(this.#terminals.values(), terminal => terminal.describe())
  }

  next(maxFrameBytes: number): string | undefined {
    for (const [id, terminal] of this.#terminals) {
      const text = terminal.next(maxFrameBytes)
      if (text === undefined) continue
      // Move it to the end, so that the next terminal has the next turn.
      this.#terminals.delete(id)
      this.#terminals.set(id, terminal)
      return text
    }
    return undefined
  }
}
