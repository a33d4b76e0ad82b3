/** The only source of time. Tests replace it (test/helpers/fake-clock.ts). */
export interface Clock {
  /** Wall clock, epoch ms. It may jump; use it for times that are shown or stored. */
  now(): number
  /** Monotonic ms. Use it for deadlines within the process. */
  monotonic(): number
  setTimeout(callback: () => void, delayMs: number): Timer
  setInterval(callback: () => void, intervalMs: number): Timer
}

export interface Timer {
  cancel(): void
}

/**
 * Every connection has timers, so they are small: no closure each. Each kind is cleared by its own function: a test
 * that replaces `setTimeout` replaces `clearTimeout` too.
 */
class Timeout implements Timer {
  readonly #timer: NodeJS.Timeout

  constructor(callback: () => void, delayMs: number) {
    this.#timer = setTimeout(callback, delayMs)
  }

  cancel(): void {
    clearTimeout(this.#timer)
  }
}

class Interval implements Timer {
  readonly #timer: NodeJS.Timeout

  constructor(callback: () => void, intervalMs: number) {
    this.#timer = setInterval(callback, intervalMs)
  }

  cancel(): void {
    clearInterval(this.#timer)
  }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => new Timeout(callback, delayMs),
  setInterval: (callback, intervalMs) => new Interval(callback, intervalMs),
}
