/** The only source of time. Tests put a fake one in its place (test/helpers/fake-clock.ts). */
export interface Clock {
  /** Wall clock, epoch ms. It may jump; use it for what is shown and stored. */
  now(): number
  /** Monotonic ms. Use it for deadlines within the process. */
  monotonic(): number
  setTimeout(callback: () => void, delayMs: number): Timer
  setInterval(callback: () => void, intervalMs: number): Timer
}

export interface Timer {
  cancel(): void
}

class NodeTimer implements Timer {
  readonly #timer: NodeJS.Timeout

  constructor(timer: NodeJS.Timeout) {
    this.#timer = timer
  }

  cancel(): void {
    clearTimeout(this.#timer)
  }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => new NodeTimer(setTimeout(callback, delayMs)),
  setInterval: (callback, intervalMs) => new NodeTimer(setInterval(callback, intervalMs)),
}
