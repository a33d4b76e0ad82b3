import { setTimeout as delay } from 'node:timers/promises'

const OFTEN_MS = 10
const SELDOM_MS = 100

/**
 * Resolves with the first answer that is neither undefined nor false, for what sends no event when it changes: files, other
 * processes, counters. What never becomes so ends with the timeout of its test.
 */
export async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const begin = performance.now()
  for (;;) {
    const looked = look()
    const found = await looked
    if (found !== undefined && found !== false) return found
    // Who has to answer again and again has less time for what is awaited.
    const isAsked = looked instanceof Promise
    await delay(isAsked ? Math.min(SELDOM_MS, OFTEN_MS + (performance.now() - begin) / 20) : OFTEN_MS)
  }
}
