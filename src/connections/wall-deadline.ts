import type { Clock, Timer } from '../clock.ts'

/**
 * A timer over 2^31 ms fires at once, and timers do not notice wall clock jumps, so a distant deadline is reached in
 * short steps.
 */
export const WALL_STEP_MS = 60_000

/** Calls back when the wall clock has reached `at` (epoch ms). */
export function wallDeadline(clock: Clock, at: number, callback: () => void): Timer {
  let timer: Timer
  const step = () => {
    const leftMs = at - clock.now()
    if (leftMs <= 0) callback()
    else timer = clock.setTimeout(step, Math.min(leftMs, WALL_STEP_MS))
  }
  timer = clock.setTimeout(step, Math.max(0, Math.min(at - clock.now(), WALL_STEP_MS)))
  return { cancel: () => timer.cancel() }
}
