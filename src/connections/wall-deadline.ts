import type { Clock, Timer } from '../clock.ts'

/**
 * Timers above 2^31 ms fire at once, and a timer sleeps through a jump of the wall clock: so the way to a far deadline
 * is walked in short steps.
 */
const STEP_MS = 60_000

/** Calls back when the wall clock has reached `at` (epoch ms). */
export function wallDeadline(clock: Clock, at: number, callback: () => void): Timer {
  let timer: Timer
  const step = () => {
    const leftMs = at - clock.now()
    if (leftMs <= 0) callback()
    else timer = clock.setTimeout(step, Math.min(leftMs, STEP_MS))
  }
  timer = clock.setTimeout(step, Math.max(0, Math.min(at - clock.now(), STEP_MS)))
  return { cancel: () => timer.cancel() }
}
