import type { ErrorCode } from '@fleetwire/protocol'

const LIMIT = 20
const WINDOW_MS = 10_000

/** Refusals of what a peer should have known better. A refusal by state or rights (`conflict`, `stale`, `forbidden`) costs nothing. */
const CHARGED: ReadonlySet<ErrorCode> = new Set([
  'bad_json',
  'unknown_type',
  'invalid_frame',
  'not_ready',
  'rate_limited',
])

/** 20 protocol errors in 10 s and the connection is over: with 4429 where most were rate limits, else 4000. */
export class ErrorBudget {
  #spent: { at: number; rateLimited: boolean }[] = []

  /** The close code when this error overdraws the budget. `now` is monotonic ms. `always`: whatever its code is. */
  charge(code: ErrorCode, now: number, always = false): 4000 | 4429 | undefined {
    if (!always && !CHARGED.has(code)) return undefined
    this.#spent = this.#spent.filter(error => now - error.at < WINDOW_MS)
    this.#spent.push({ at: now, rateLimited: code === 'rate_limited' })
    if (this.#spent.length < LIMIT) return undefined
    return this.#spent.filter(error => error.rateLimited).length > LIMIT / 2 ? 4429 : 4000
  }
}
