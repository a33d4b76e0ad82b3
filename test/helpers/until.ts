import { setTimeout as delay } from 'node:timers/promises'

const OFTEN_MS = 10
const SELDOM_MS = 100

/**
 * Polls, and resolves with the first result that is neither undefined nor false. For state without change events:
 * files, other processes, counters. If it never happens, the test times out.
 */
export async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const begin = performance.now()
  for (;;) {
    const looked = look()
    const found = await looked
    if (found !== undefined && found !== false) return found
    // Asynchronous checks use up time of the process being observed, so they become rarer.
    const isAsked = looked instanceof Promise
    await delay(isAsked ? Math.min(SELDOM_MS, OFTEN_MS + (performance.now() - begin) / 20) : OFTEN_MS)
  }
}
