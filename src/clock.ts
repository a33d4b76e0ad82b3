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

/** Each is ended by its own function: a test that puts another `setTimeout` in place has another `clearTimeout` too. */
const timeout = (timer: NodeJS.Timeout): Timer => ({ cancel: () => clearTimeout(timer) })
const interval = (timer: NodeJS.Timeout): Timer => ({ cancel: () => clearInterval(timer) })

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => timeout(setTimeout(callback, delayMs)),
  setInterval: (callback, intervalMs) => interval(setInterval(callback, intervalMs)),
}
