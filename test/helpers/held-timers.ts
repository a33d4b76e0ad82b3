import { mock } from 'node:test'
import type { Test } from 'tap'

/** From here to the end of the test no timer fires by itself: returns what lets a time pass. */
export function holdTimers(t: Test): (ms: number) => void {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  return ms => mock.timers.tick(ms)
}
