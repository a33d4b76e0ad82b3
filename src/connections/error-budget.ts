import type { ErrorCode } from '@fleetwire/protocol'

const LIMIT = 20
const WINDOW_MS = 10_000

/**
 * Refusals that a correct peer would have avoided. Refusals by state or rights (`conflict`, `stale`, `forbidden`) cost
 * nothing.
 */
const CHARGED: ReadonlySet<ErrorCode> = new Set([
  'bad_json',
  'unknown_type',
  'invalid_frame',
  'not_ready',
  'rate_limited',
])

interface Spent {
  at: number
  rateLimited: boolean
}

/** Most connections never spend anything. */
const NOTHING: readonly Spent[] = []

/** Closes a connection after 20 protocol errors in 10 s: with 4429 if most were rate limits, else with 4000. */
export class ErrorBudget {
  #spent = NOTHING

  /**
   * Returns the close code if this error exceeds the budget. `now` is monotonic ms. `always`: charge regardless of the
   * code.
   */
  charge(code: ErrorCode, now: number, always = false): 4000 | 4429 | undefined {
    if (!always && !CHARGED.has(code)) return undefined
    const recent = this.#spent.filter(error => now - error.at < WINDOW_MS)
    this.#spent = [...recent, { at: now, rateLimited: code === 'rate_limited' }]
    if (this.#spent.length < LIMIT) return undefined
    return this.#spent.filter(error => error.rateLimited).length > LIMIT / 2 ? 4429 : 4000
  }
}
