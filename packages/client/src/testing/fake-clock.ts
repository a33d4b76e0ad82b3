import type { Clock, Timer } from '../clock.ts'

interface Due {
  at: number
  order: number
  callback: () => void
}

/** A clock that a test advances. */
export class FakeClock implements Clock {
  #now = 1_700_000_000_000
  #order = 0
  readonly #due = new Set<Due>()

  now(): number {
    return this.#now
  }

  get timers(): number {
    return this.#due.size
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const due = { at: this.#now + delayMs, order: this.#order++, callback }
    this.#due.add(due)
    return { cancel: () => this.#due.delete(due) }
  }

  /** Every timer fires at its due time. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#now = Math.max(this.#now, next.at)
      this.#fire(next)
    }
    this.#now = until
  }

  /** The host sleeps: due timers fire late, all at once, at the time of waking. */
  sleep(ms: number): void {
    this.#now += ms
    const until = this.#now
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) this.#fire(next)
  }

  #next(until: number): Due | undefined {
    return [...this.#due].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0]
  }

  #fire(due: Due): void {
    this.#due.delete(due)
    due.callback()
  }
}
