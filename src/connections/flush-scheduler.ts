import type { Clock, Timer } from '../clock.ts'

/** Whatever holds something back until the end of the turn. `flush` must not throw. */
type Target = { flush(): void }

export interface FlushOptions {
  clock: Clock
  /**
   * The shortest time between two flushes under load. The first after a quiet time is never delayed. 0: one in each
   * turn.
   */
  flushMs: number
  /** Runs its callback at the end of this turn of the event loop. */
  endOfTurn?: (callback: () => void) => void
}

/**
 * Takes a few ms of system calls. The others follow in the next turn, so that commands and the log go on while
 * thousands are served. Those that wait get what was added meanwhile in the same write.
 */
const TARGETS_PER_TURN = 128

/**
 * What is sent during one turn of the event loop is written at its end, in one write per socket, since a system call is
 * the main cost of a delivery. `first` runs before the sockets: it hands out what the log told in this turn.
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

  /** Flushes now, together with another write. */
  flush(target: Target): void {
    this.#due.delete(target)
    target.flush()
  }

  /** Makes sure that a flush comes even if no socket asked for one yet. */
  arm(): void {
    if (this.#armed) return
    this.#armed = true
    const waitMs = this.#flushMs === 0 ? 0 : this.#flushedAt + this.#flushMs - this.#clock.monotonic()
    if (waitMs <= 0) this.#endOfTurn(() => this.#run())
    else this.#timer = this.#clock.setTimeout(() => this.#run(), waitMs)
  }

  /** At the end of this turn of the event loop, whatever FLUSH_MS says. */
  afterTurn(callback: () => void): void {
    this.#endOfTurn(callback)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#due.clear()
    this.#first = undefined
  }

  #run(): void {
    // Still armed, so what this adds is written below.
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
