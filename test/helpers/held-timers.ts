import { mock } from 'node:test'
import type { Test } from 'tap'

/** Until the end of the test no timer fires by itself. Returns a function that advances the time. */
export function holdTimers(t: Test): (ms: number) => void {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  return ms => mock.timers.tick(ms)
}
