import type { Clock, Timer } from '../../src/clock.ts'

interface Due {
  at: number
  order: number
  callback: () => void
  everyMs?: number
}

/** A clock that stands still until a test advances it. Timers fire in the order in which they are due. */
export class FakeClock implements Clock {
  #now: number
  #monotonic = 0
  #order = 0
  readonly #due = new Set<Due>()

  constructor(now = 1_700_000_000_000) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  /** Pending timers. */
  get pending(): number {
    return this.#due.size
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    return this.#add({ at: this.#monotonic + delayMs, order: this.#order++, callback })
  }

  setInterval(callback: () => void, intervalMs: number): Timer {
    return this.#add({ at: this.#monotonic + intervalMs, order: this.#order++, callback, everyMs: intervalMs })
  }

  /** Advances the time by `ms`, timer by timer. */
  advance(ms: number): void {
    const until = this.#monotonic + ms
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#move(Math.max(0, next.at - this.#monotonic))
      this.#fire(next)
    }
    this.#move(until - this.#monotonic)
  }

  /** Simulates a process that did not run for `ms`: timers that became due in that time fire late, once each. */
  stall(ms: number): void {
    this.#move(ms)
    const late = [...this.#due]
      .filter(due => due.at <= this.#monotonic)
      .sort((a, b) => a.at - b.at || a.order - b.order)
    for (const due of late) if (this.#due.has(due)) this.#fire(due)
  }

  /** Moves the wall clock; no time passes. */
  jump(ms: number): void {
    this.#now += ms
  }

  #add(due: Due): Timer {
    this.#due.add(due)
    return { cancel: () => this.#due.delete(due) }
  }

  #next(until: number): Due | undefined {
    let next: Due | undefined
    for (const due of this.#due) {
      if (due.at > until) continue
      if (next === undefined || due.at < next.at || (due.at === next.at && due.order < next.order)) next = due
    }
    return next
  }

  #fire(due: Due): void {
    if (due.everyMs === undefined) this.#due.delete(due)
    else due.at = this.#monotonic + due.everyMs
    due.callback()
  }

  #move(ms: number): void {
    this.#monotonic += ms
    this.#now += ms
  }
}
