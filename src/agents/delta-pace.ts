import type { Clock, Timer } from '../clock.ts'

/**
 * A group of appends costs some 0.2 ms of CPU time, for the wake-ups of two threads and a commit, however little is in
 * it. One in each of these intervals takes a twentieth of a core, and nobody sees 5 ms.
 */
const GATHER_MS = 5

/**
 * When deltas of agents are stored: at once after a quiet time, and else together with those of all other agents that
 * came within some milliseconds. Without it a thousand frames a second, each of another agent, cost a thousand commits.
 */
export class DeltaPace {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #timer: Timer | undefined
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls back when it is time, perhaps at once. A function that waits already is called once. */
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

  /** It is stored with something else, or not at all. */
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
