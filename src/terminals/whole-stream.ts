import type { AgentTerminal, TerminalFollower } from './agent-terminal.ts'
import type { ViewerPort, ViewerStream, ViewerStreamOptions } from './viewer-stream.ts'

const MAX_FRAME_BYTES = 64 * 1024

/**
 * Mode `whole`: every byte from an offset on, at the reader's pace, and never a screen instead. The agent waits for the
 * reader's acknowledgements, so the ring still has the unread bytes. If the ring did drop some, the reader gets a
 * `gap`.
 */
export class WholeStream implements ViewerStream, TerminalFollower {
  readonly paces = true
  readonly #terminal: AgentTerminal
  readonly #port: ViewerPort
  readonly #options: ViewerStreamOptions
  #sent: number
  #acked: number
  #isOpen = true
  #exitSent = false

  constructor(terminal: AgentTerminal, port: ViewerPort, options: ViewerStreamOptions, from: number) {
    this.#terminal = terminal
    this.#port = port
    this.#options = options
    this.#sent = from
    this.#acked = from
    terminal.follow(this)
    this.#pump()
  }

  changed(): void {
    this.#pump()
  }

  ack(offset: number): void {
    this.#acked = Math.max(this.#acked, Math.min(offset, this.#sent))
    this.#pump()
  }

  close(): void {
    this.#isOpen = false
    this.#terminal.unfollow(this)
  }

  #pump(): void {
    const { agentId, terminalId, oldest, end, ending, isAwaiting } = this.#terminal
    while (this.#isOpen && this.#sent < end) {
      const room = this.#options.creditBytes - (this.#sent - this.#acked)
      if (room <= 0) return
      const from = Math.max(this.#sent, oldest)
      const to = Math.min(end, from + Math.min(room, MAX_FRAME_BYTES))
      const gap = from > this.#sent ? { gap: { from: this.#sent, to: from } } : {}
      // Lost bytes cannot be acknowledged and must not use up the credit.
      this.#acked += from - this.#sent
      this.#sent = to
      this.#port.send('terminal:output', { ...this.#terminal.outputFrame(from, to), ...gap })
    }
    if (!this.#isOpen || ending === undefined || isAwaiting || this.#exitSent || this.#sent < end) return
    this.#exitSent = true
    this.#port.send('terminal:exit', { agentId, terminalId, ...ending })
  }
}
