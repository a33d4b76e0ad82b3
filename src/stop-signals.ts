import type { Clock } from './clock.ts'

const stopSignals = ['SIGINT', 'SIGTERM'] as const
/** npm and timeout(1) forward a signal that the whole group already received: two within this time count as one. */
const SAME_SIGNAL_MS = 1000

/**
 * Calls back for the first SIGINT or SIGTERM. Another one more than a second later ends the process at once. The
 * returned function stops listening.
 */
export function onStop(clock: Clock, stop: (signal: NodeJS.Signals) => void): () => void {
  let askedAt: number | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    const now = clock.monotonic()
    if (askedAt === undefined) {
      askedAt = now
      stop(signal)
    } else if (now - askedAt > SAME_SIGNAL_MS) {
      ignore()
      process.kill(process.pid, signal)
    }
  }
  const ignore = () => {
    for (const signal of stopSignals) process.off(signal, onSignal)
  }
  for (const signal of stopSignals) process.on(signal, onSignal)
  return ignore
}
