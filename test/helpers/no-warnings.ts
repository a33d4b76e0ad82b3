import type { Test } from 'tap'

/** Fails the test if Node emits a warning in this process, such as one about a listener leak. */
export function expectNoWarnings(t: Test): void {
  const warned = (warning: Error) => t.fail(warning.message)
  process.on('warning', warned)
  t.teardown(() => process.off('warning', warned))
}
