import type { Test } from 'tap'

/** Fails the test where Node warns of something in this process, such as of listeners that pile up. */
export function expectNoWarnings(t: Test): void {
  const warned = (warning: Error) => t.fail(warning.message)
  process.on('warning', warned)
  t.teardown(() => process.off('warning', warned))
}
