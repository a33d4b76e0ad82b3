import type { Clock, Timer } from '@fleetwire/client'

/** A clock that a test advances. */
export class FakeClock implements Clock {
  #now = 1_700_000_000_000
  readonly #due = new Set<{ at: number; callback: () => void }>()

  now(): number {
    return this.#now
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const due = { at: this.#now + delayMs, callback }
    this.#due.add(due)
    return { cancel: () => this.#due.delete(due) }
  }

  /** Every timer fires at its due time. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const [next] = [...this.#due].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#due.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
    }
    this.#now = until
  }
}
