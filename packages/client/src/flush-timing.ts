import type { Clock, Timer } from './clock.ts'

type Due = { when: 'never' } | { when: 'end of turn' } | { when: 'later'; timer: Timer }

const NEVER: Due = { when: 'never' }

/**
 * When what waits for a socket leaves. Each flush takes everything, so one is due at a time, and what is said in one turn
 * leaves together.
 */
export class FlushTiming {
  readonly #clock: Clock
  readonly #flush: () => void
  #due: Due = NEVER
  #flushedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, flush: () => void) {
    this.#clock = clock
    this.#flush = flush
  }

  /** At the end of this turn. */
  soon(): void {
    if (this.#due.when === 'end of turn') return
    this.stop()
    const due: Due = { when: 'end of turn' }
    this.#due = due
    queueMicrotask(() => {
      if (this.#due === due) this.#now()
    })
  }

  /** So long after the last flush, at the latest: at the end of this turn, where that was longer ago. */
  within(ms: number): void {
    if (this.#due.when !== 'never') return
    const sinceMs = this.#clock.now() - this.#flushedAt
    // Where the clock was set back nothing is known of the last flush.
    if (sinceMs < 0 || sinceMs >= ms) this.soon()
    else this.#due = { when: 'later', timer: this.#clock.setTimeout(() => this.#now(), ms - sinceMs) }
  }

  /** None is due any more. */
  stop(): void {
    if (this.#due.when === 'later') this.#due.timer.cancel()
    this.#due = NEVER
  }

  #now(): void {
    this.#due = NEVER
    this.#flushedAt = this.#clock.now()
    this.#flush()
  }
}
