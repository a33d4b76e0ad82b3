import type { Clock } from '../clock.ts'
import type { FlushTiming } from '../flush-timing.ts'

/** Pieces appended within this time are sent together: too short to notice, but long enough for many model tokens. */
const COALESCE_MS = 20
/** A writer that appended nothing for this long is idle: its next piece is sent at once. */
const IDLE_MS = 100

/**
 * Decides when appended pieces are sent: the first piece of an idle writer at once, then the pieces of all writers
 * together after a delay.
 */
export class Coalescer {
  readonly #clock: Clock
  readonly #flush: FlushTiming
  /** By writer; the one that has been quiet the longest comes first. */
  readonly #appendedAt = new Map<string, number>()

  constructor(clock: Clock, flush: FlushTiming) {
    this.#clock = clock
    this.#flush = flush
  }

  appended(by: string): void {
    const now = this.#clock.now()
    this.#forgetIdle(now)
    const isIdle = !this.#appendedAt.delete(by)
    this.#appendedAt.set(by, now)
    if (isIdle) this.#flush.soon()
    else this.#flush.within(COALESCE_MS)
  }

  #forgetIdle(now: number): void {
    for (const [by, at] of this.#appendedAt) {
      const isRecent = at <= now && now - at < IDLE_MS
      if (isRecent) return
      this.#appendedAt.delete(by)
    }
  }
}
