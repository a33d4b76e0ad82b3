import type { Clock, Timer } from '../clock.ts'

/** Anything that holds data back until the end of the turn. `flush` must not throw. */
type Target = { flush(): void }

export interface FlushOptions {
  clock: Clock
  /**
   * The shortest time between two flushes under load. The first after a quiet time is never delayed. 0: one per turn.
   */
  flushMs: number
  /** Runs its callback at the end of this turn of the event loop. */
  endOfTurn?: (callback: () => void) => void
}

/**
 * Costs a few ms of system calls. The other targets follow in the next turn, so that commands and the log keep running
 * while thousands are flushed. Data that is added to a waiting target leaves in the same write.
 */
const TARGETS_PER_TURN = 128

/**
 * Writes what was sent during one turn of the event loop at its end, in one write per socket, since a system call is
 * the main cost of a delivery. `first` runs before the sockets: it distributes the log events of this turn.
 */
export class FlushScheduler {
  readonly #clock: Clock
  readonly #flushMs: number
  readonly #endOfTurn: (callback: () => void) => void
  readonly #due = new Set<Target>()
  #first: (() => void) | undefined
  #armed = false
  #timer: Timer | undefined
  #flushedAt = Number.NEGATIVE_INFINITY

  constructor(options: FlushOptions) {
    this.#clock = options.clock
    this.#flushMs = options.flushMs
    this.#endOfTurn = options.endOfTurn ?? setImmediate
  }

  set first(callback: (() => void) | undefined) {
    this.#first = callback
  }

  request(target: Target): void {
    this.#due.add(target)
    this.arm()
  }

  /** Flushes now, along with another write. */
  flush(target: Target): void {
    this.#due.delete(target)
    target.flush()
  }

  /** Ensures that a flush comes even if no socket requested one yet. */
  arm(): void {
    if (this.#armed) return
    this.#armed = true
    const waitMs = this.#flushMs === 0 ? 0 : this.#flushedAt + this.#flushMs - this.#clock.monotonic()
    if (waitMs <= 0) this.#endOfTurn(() => this.#run())
    else this.#timer = this.#clock.setTimeout(() => this.#run(), waitMs)
  }

  /** Calls back at the end of this turn of the event loop, regardless of FLUSH_MS. */
  afterTurn(callback: () => void): void {
    this.#endOfTurn(callback)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#due.clear()
    this.#first = undefined
  }

  #run(): void {
    // Still armed, so anything that this adds is written below.
    this.#first?.()
    this.#armed = false
    if (this.#flushMs > 0) this.#flushedAt = this.#clock.monotonic()
    const due: Target[] = []
    for (const target of this.#due) {
      if (due.length === TARGETS_PER_TURN) break
      this.#due.delete(target)
      due.push(target)
    }
    if (this.#due.size > 0) {
      this.#armed = true
      this.#endOfTurn(() => this.#run())
    }
    for (const target of due) target.flush()
  }
}
