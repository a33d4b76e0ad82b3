import type { Clock } from '../clock.ts'

/** What the promise resolves with, or undefined if that takes longer. */
export function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => resolve(undefined), ms)
    promise.then(resolve, reject).finally(() => timer.cancel())
  })
}
