import { setTimeout as delay } from 'node:timers/promises'

/**
 * Resolves with the first answer that is neither undefined nor false, for what sends no event when it changes: files, other
 * processes, counters. What never becomes so ends with the timeout of its test.
 */
export async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await delay(10)
  }
}
