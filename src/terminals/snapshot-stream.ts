import type { Timer } from '../clock.ts'
import type { AgentTerminal, TerminalFollower } from './agent-terminal.ts'
import type { ViewerPort, ViewerStream, ViewerStreamOptions } from './viewer-stream.ts'

/** `waiting`: for the end of the interval. `dirty`: the terminal changed since the drawing began. */
type Phase =
  | { name: 'idle' }
  | { name: 'waiting'; timer: Timer }
  | { name: 'drawing'; dirty: boolean }
  | { name: 'closed' }

/** Mode `snapshot`: the visible screen after a change, at most once per interval. For grids of many terminals. */
export class SnapshotStream implements ViewerStream, TerminalFollower {
  readonly #terminal: AgentTerminal
  readonly #port: ViewerPort
  readonly #options: ViewerStreamOptions
  #phase: Phase = { name: 'idle' }
  #lastAt = Number.NEGATIVE_INFINITY
  #exitSent = false

  constructor(terminal: AgentTerminal, port: ViewerPort, options: ViewerStreamOptions) {
    this.#terminal = terminal
    this.#port = port
    this.#options = options
    terminal.follow(this)
    this.changed()
  }

  changed(): void {
    switch (this.#phase.name) {
      case 'idle': {
        const { clock, snapshotIntervalMs } = this.#options
        const delayMs = this.#lastAt + snapshotIntervalMs - clock.monotonic()
        if (delayMs <= 0) this.#startDraw()
        else this.#phase = { name: 'waiting', timer: clock.setTimeout(() => this.#startDraw(), delayMs) }
        break
      }
      case 'drawing':
        this.#phase.dirty = true
        break
      case 'waiting':
      case 'closed':
    }
  }

  ack(): void {}

  close(): void {
    if (this.#phase.name === 'waiting') this.#phase.timer.cancel()
    this.#phase = { name: 'closed' }
    this.#terminal.unfollow(this)
  }

  #startDraw(): void {
    this.#draw().catch(this.#options.onFault)
  }

  async #draw(): Promise<void> {
    const drawing: Phase = { name: 'drawing', dirty: false }
    this.#phase = drawing
    this.#lastAt = this.#options.clock.monotonic()
    const state = await this.#terminal.screenState(0)
    if (this.#phase !== drawing || !state) return
    const { agentId, terminalId, ending } = this.#terminal
    const { resizeIndex: _, ...screen } = state
    this.#port.send('terminal:snapshot', { agentId, terminalId, ...screen })
    this.#phase = { name: 'idle' }
    if (drawing.dirty) this.changed()
    else if (ending && !this.#exitSent) {
      this.#exitSent = true
      this.#port.send('terminal:exit', { agentId, terminalId, ...ending })
    }
  }
}
