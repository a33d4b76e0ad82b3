import type { Clock, Timer } from '../../src/clock.ts'

/** A clock that counts the pending timers that were set through it. */
export class CountingClock implements Clock {
  readonly #clock: Clock
  readonly #waiting = new Set<Timer>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get pending(): number {
    return this.#waiting.size
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const timer = this.#clock.setTimeout(() => {
      this.#waiting.delete(timer)
      callback()
    }, delayMs)
    return this.#counted(timer)
  }

  setInterval(callback: () => void, intervalMs: number): Timer {
    return this.#counted(this.#clock.setInterval(callback, intervalMs))
  }

  #counted(timer: Timer): Timer {
    this.#waiting.add(timer)
    return {
      cancel: () => {
        this.#waiting.delete(timer)
        timer.cancel()
      },
    }
  }
}
