import type { Clock } from '../clock.ts'
import type { FlushTiming } from '../flush-timing.ts'

/** What is appended within this time leaves together: too short to be seen, long enough for many tokens of a model. */
const COALESCE_MS = 20
/** Who appended nothing for so long is idle: what comes then is waited for. */
const IDLE_MS = 100

/**
 * When what runs append piece by piece leaves: the first piece of who was idle at once, then what all of them append in a
 * while together.
 */
export class Coalescer {
  readonly #clock: Clock
  readonly #flush: FlushTiming
  /** By who appended; the one that was quiet longest comes first. */
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
