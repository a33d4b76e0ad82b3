import type { AgentTerminal, TerminalFollower } from '../../terminals/agent-terminal.ts'
import type { ScreenSize } from '../../terminals/screen.ts'

const MAX_PIECE_BYTES = 64 * 1024

export type StreamPiece =
  | { kind: 'output'; offset: number; bytes: Uint8Array }
  | ({ kind: 'size' } & ScreenSize)
  | { kind: 'end' }

/**
 * One terminal on its way to another node: its bytes from an offset on, its sizes in order, and its end. Its backlog is
 * the terminal's ring buffer, so a slow node costs no memory: what the ring has dropped is skipped.
 */
export class RemoteStream implements TerminalFollower {
  readonly isDrawn = false
  readonly terminal: AgentTerminal
  readonly id: number
  /** Set by `claim`. */
  answers?: (queryEnd: number) => boolean
  #answersFrom = Number.POSITIVE_INFINITY
  readonly #onReady: (stream: RemoteStream) => void
  #sent: number
  #resizeIndex: number
  #isEndSent = false

  constructor(id: number, terminal: AgentTerminal, from: number, onReady: (stream: RemoteStream) => void) {
    this.id = id
    this.terminal = terminal
    this.#onReady = onReady
    this.#sent = from
    const { firstSize, resizes } = terminal.timeline
    // The size that applies to the first byte is sent before it.
    this.#resizeIndex = (resizes.findLast(({ offset }) => offset <= from) ?? firstSize).index - 1
    terminal.follow(this)
  }

  changed(): void {
    this.#onReady(this)
  }

  close(): void {
    this.terminal.unfollow(this)
  }

  /**
   * A viewer at the other node could answer queries. Returns the offset from which it does; undefined if another
   * follower answers.
   */
  claim(): number | undefined {
    const { terminal } = this
    if (!this.answers) {
      this.answers = end => end > this.#answersFrom
      // After the followers that could answer already.
      terminal.unfollow(this)
      terminal.follow(this)
    }
    if (!terminal.isAnswerer(this)) return undefined
    this.#answersFrom = Math.min(this.#answersFrom, terminal.position)
    return this.#answersFrom
  }

  /** No viewer there answers any more. Returns the offset up to which it still must. */
  unclaim(): number {
    delete this.answers
    this.#answersFrom = Number.POSITIVE_INFINITY
    return this.terminal.end
  }

  /** The next piece to send; undefined if there is none now. */
  next(): StreamPiece | undefined {
    const { timeline, oldest, end, ending, isAwaiting } = this.terminal
    this.#sent = Math.max(this.#sent, oldest)
    const resize = timeline.resizeAfter(this.#resizeIndex)
    const to = Math.min(resize?.offset ?? end, this.#sent + MAX_PIECE_BYTES)
    if (this.#sent < to) {
      const offset = this.#sent
      this.#sent = to
      return { kind: 'output', offset, bytes: this.terminal.bytes(offset, to) }
    }
    if (resize) {
      this.#resizeIndex = resize.index
      return { kind: 'size', cols: resize.cols, rows: resize.rows }
    }
    // A terminal that vanished may come back.
    if (!ending) this.#isEndSent = false
    if (!ending || isAwaiting || this.#isEndSent) return undefined
    this.#isEndSent = true
    return { kind: 'end' }
  }
}
