import type { Clock, Timer } from '../clock.ts'

/**
 * A group of appends costs about 0.2 ms of CPU time, for waking two threads and a commit, however small it is. One per
 * interval takes a twentieth of a core, and a delay of 5 ms is not visible.
 */
const GATHER_MS = 5

/**
 * Decides when agents' deltas are stored: at once after a quiet time, otherwise together with all agents' deltas of a
 * few milliseconds. Without this, a thousand frames a second from as many agents would cost a thousand commits.
 */
export class DeltaPace {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #timer: Timer | undefined
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls back when it is time, perhaps at once. A function that already waits is called once. */
  take(due: () => void): void {
    if (this.#timer === undefined) {
      const now = this.#clock.monotonic()
      const waitMs = this.#lastAt + GATHER_MS - now
      if (waitMs <= 0) {
        this.#lastAt = now
        due()
        return
      }
      this.#timer = this.#clock.setTimeout(() => this.#all(), waitMs)
    }
    this.#waiting.add(due)
  }

  /** Cancels a callback: its deltas are stored with something else, or not at all. */
  forget(due: () => void): void {
    this.#waiting.delete(due)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#waiting.clear()
  }

  #all(): void {
    this.#timer = undefined
    this.#lastAt = this.#clock.monotonic()
    const due = [...this.#waiting]
    this.#waiting.clear()
    for (const callback of due) callback()
  }
}
