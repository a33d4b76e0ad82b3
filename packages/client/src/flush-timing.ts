import type { Clock, Timer } from './clock.ts'

type Due = { when: 'never' } | { when: 'end of turn' } | { when: 'later'; timer: Timer }

const NEVER: Due = { when: 'never' }

/**
 * Decides when waiting frames are written to a socket. Each flush takes everything, so at most one is scheduled, and
 * frames of the same turn are sent together.
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

  /** Flushes at the end of this turn. */
  soon(): void {
    if (this.#due.when === 'end of turn') return
    this.stop()
    const due: Due = { when: 'end of turn' }
    this.#due = due
    queueMicrotask(() => {
      if (this.#due === due) this.#now()
    })
  }

  /** Flushes no later than this long after the last flush, or at the end of this turn if that time has passed. */
  within(ms: number): void {
    if (this.#due.when !== 'never') return
    const sinceMs = this.#clock.now() - this.#flushedAt
    // If the clock was set back, the time of the last flush is unknown.
    if (sinceMs < 0 || sinceMs >= ms) this.soon()
    else this.#due = { when: 'later', timer: this.#clock.setTimeout(() => this.#now(), ms - sinceMs) }
  }

  /** Cancels a scheduled flush. */
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
