import type { Clock } from '../clock.ts'

/** Settles like the promise, or resolves with undefined after `ms`. */
export function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => resolve(undefined), ms)
    promise.then(resolve, reject).finally(() => timer.cancel())
  })
}
