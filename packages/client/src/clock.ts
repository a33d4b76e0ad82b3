/** The only source of time in this package; tests use a fake one. */
export interface Clock {
  /** Wall clock, epoch ms: it goes on while the machine sleeps, which is what liveness needs to see. */
  now(): number
  setTimeout(callback: () => void, delayMs: number): Timer
}

export interface Timer {
  cancel(): void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout(callback, delayMs) {
    const timer = setTimeout(callback, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
}
