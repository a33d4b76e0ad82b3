/** The only source of time in this package; tests use a fake. */
export interface Clock {
  /** Wall clock, epoch ms. It advances while the machine sleeps, which liveness checks rely on. */
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
