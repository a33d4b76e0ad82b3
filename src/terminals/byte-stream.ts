import type { Timer } from '../clock.ts'
import type { AgentTerminal, TerminalFollower } from './agent-terminal.ts'
import type { ViewerPort, ViewerStream, ViewerStreamOptions } from './viewer-stream.ts'

const MAX_FRAME_BYTES = 64 * 1024
/** How many screens may be outdated before they are drawn; then text is shown instead. */
const MAX_LATE = 3

type Phase =
  /** A snapshot is being drawn; output waits in the ring. */
  | { name: 'joining' }
  | { name: 'live' }
  /** More bytes are unacknowledged than the credit allows: nothing is sent, and the viewer will miss what comes now. */
  | { name: 'stalled' }
  /**
   * Bytes are lost that the agent could not send again. Snapshots for this reason are rate-limited, since an agent may
   * cause many.
   */
  | { name: 'waiting'; timer: Timer }
  | { name: 'closed' }

/**
 * Mode `bytes`: a snapshot, then the output from its offset on, as long as the viewer keeps up. Its position is a
 * number and its backlog is the terminal's ring, so a viewer that never acknowledges costs only what its credit allows.
 */
export class ByteStream implements ViewerStream, TerminalFollower {
  readonly #terminal: AgentTerminal
  readonly #port: ViewerPort
  readonly #options: ViewerStreamOptions
  readonly answers?: (queryEnd: number) => boolean
  #phase: Phase = { name: 'joining' }
  #sent = 0
  #acked = 0
  #resizeIndex = 0
  #exitSent = false
  /** The viewer's own terminal answers queries from this offset on. */
  #answersFrom = Number.POSITIVE_INFINITY
  #joinedAt = Number.NEGATIVE_INFINITY

  constructor(terminal: AgentTerminal, port: ViewerPort, options: ViewerStreamOptions) {
    this.#terminal = terminal
    this.#port = port
    this.#options = options
    if (options.answers) this.answers = end => end > this.#answersFrom && end <= this.#sent
    terminal.follow(this)
    this.#startJoin()
  }

  changed(): void {
    if (this.#phase.name === 'live') this.#pump()
  }

  ack(offset: number): void {
    this.#acked = Math.max(this.#acked, Math.min(offset, this.#sent))
    // Waits for half the credit, so that a viewer at its limit does not get a snapshot for every frame that it draws.
    if (this.#phase.name !== 'stalled' || this.#owed > this.#options.creditBytes / 2) return
    if (this.#sent === this.#terminal.end) {
      this.#phase = { name: 'live' }
      this.#pump()
    } else {
      this.#startJoin(this.#sent)
    }
  }

  reclaim(): void {
    const { name } = this.#phase
    if (Number.isFinite(this.#answersFrom) && (name === 'live' || name === 'stalled')) this.#startJoin(this.#sent)
  }

  close(): void {
    if (this.#phase.name === 'waiting') this.#phase.timer.cancel()
    this.#phase = { name: 'closed' }
    this.#terminal.unfollow(this)
  }

  get #owed(): number {
    return this.#sent - this.#acked
  }

  #startJoin(missedFrom?: number): void {
    this.#join(missedFrom).catch(this.#options.onFault)
  }

  async #join(missedFrom?: number): Promise<void> {
    const joining: Phase = { name: 'joining' }
    this.#phase = joining
    if (this.answers) await this.#terminal.claimAnswers()
    let state = await this.#terminal.screenState()
    // While the snapshot was drawn, a flood pushed the bytes after it out of the ring. The next one starts nearer to
    // the end.
    for (let late = 0; state && state.offset < this.#terminal.oldest; late++) {
      state = late < MAX_LATE ? await this.#terminal.screenState() : this.#terminal.rawState()
    }
    if (this.#phase !== joining || !state) return
    const { resizeIndex, ...screen } = state
    const gap =
      missedFrom !== undefined && missedFrom < state.offset ? { from: missedFrom, to: state.offset } : undefined
    const { agentId, terminalId } = this.#terminal
    this.#answersFrom = this.#terminal.answersFrom(this)
    const answers = Number.isFinite(this.#answersFrom) && { answersFrom: this.#answersFrom }
    this.#port.send('terminal:snapshot', { agentId, terminalId, ...screen, ...(gap && { gap }), ...answers })
    this.#sent = state.offset
    this.#acked = state.offset
    this.#joinedAt = this.#options.clock.monotonic()
    this.#resizeIndex = resizeIndex
    this.#phase = { name: 'live' }
    this.#pump()
  }

  #pump(): void {
    const { agentId, terminalId, timeline } = this.#terminal
    for (;;) {
      if (this.#sent < this.#terminal.oldest) {
        this.#rejoin()
        return
      }
      const resize = timeline.resizeAfter(this.#resizeIndex)
      const limit = resize?.offset ?? this.#terminal.end
      if (this.#sent < limit) {
        const room = this.#options.creditBytes - this.#owed
        if (room <= 0) {
          this.#phase = { name: 'stalled' }
          return
        }
        const whole = limit - this.#sent <= room
        const to = whole ? limit : this.#sent + Math.min(room, MAX_FRAME_BYTES)
        this.#port.send('terminal:output', this.#terminal.outputFrame(this.#sent, to))
        this.#sent = to
      } else if (resize) {
        this.#port.send('terminal:resize', { agentId, terminalId, cols: resize.cols, rows: resize.rows })
        this.#resizeIndex = resize.index
      } else {
        this.#tellEnd()
        return
      }
    }
  }

  #rejoin(): void {
    const { clock, creditBytes, snapshotIntervalMs } = this.#options
    const delayMs = this.#joinedAt + snapshotIntervalMs - clock.monotonic()
    if (this.#owed > creditBytes / 2) this.#phase = { name: 'stalled' }
    else if (delayMs <= 0) this.#startJoin(this.#sent)
    else this.#phase = { name: 'waiting', timer: clock.setTimeout(() => this.#startJoin(this.#sent), delayMs) }
  }

  #tellEnd(): void {
    const { agentId, terminalId, ending, isAwaiting } = this.#terminal
    if (ending && !isAwaiting && !this.#exitSent) {
      this.#exitSent = true
      this.#port.send('terminal:exit', { agentId, terminalId, ...ending })
    }
  }
}
