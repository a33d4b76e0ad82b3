import type { Timer } from '../clock.ts'
import type { AgentTerminal, TerminalFollower } from './agent-terminal.ts'
import type { ViewerPort, ViewerStream, ViewerStreamOptions } from './viewer-stream.ts'

const MAX_FRAME_BYTES = 64 * 1024
/** After this many snapshots that were outdated by the time they were drawn, text is sent instead. */
const MAX_LATE = 3

type Phase =
  /** A snapshot is being drawn. Output waits in the ring. */
  | { name: 'joining' }
  | { name: 'live' }
  /** The credit is used up by unacknowledged bytes. Nothing is sent, and the viewer misses new output. */
  | { name: 'stalled' }
  /**
   * The next bytes are no longer in the ring, so a new snapshot is due. Such snapshots are rate-limited, since an agent
   * can cause many of them.
   */
  | { name: 'waiting'; timer: Timer }
  | { name: 'closed' }

/**
 * Mode `bytes`: a snapshot, then the output after it for as long as the viewer keeps up. The position is a number and
 * the backlog is the terminal's ring, so a viewer that never acknowledges costs no more than its credit.
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
  /** The viewer's own terminal answers the queries after this offset. */
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
    // Resumes only when half the credit is free. Otherwise a viewer at its limit gets a snapshot per acknowledged
    // frame.
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
    // A flood of output pushed the bytes after the snapshot out of the ring while it was drawn. The next snapshot
    // starts closer to the end.
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
