export interface BucketLimits {
  ratePerSecond: number
  burst: number
}

/**
 * A token bucket: `burst` at once, `rate` per second in the long run. Pure: the caller passes the time (monotonic ms).
 */
export class TokenBucket {
  readonly #limits: BucketLimits
  #tokens: number
  #filledAt: number

  constructor(limits: BucketLimits, now: number) {
    this.#limits = limits
    this.#tokens = limits.burst
    this.#filledAt = now
  }

  isFull(now: number): boolean {
    this.#fill(now)
    return this.#tokens >= this.#limits.burst
  }

  /** Takes a token. Returns 0, or the ms until one is available. */
  take(now: number): number {
    this.#fill(now)
    if (this.#tokens >= 1) {
      this.#tokens -= 1
      return 0
    }
    return Math.max(1, Math.ceil(((1 - this.#tokens) * 1000) / this.#limits.ratePerSecond))
  }

  /** Takes tokens even if there are not enough; later takes wait until the debt is paid. */
  spend(tokens: number): void {
    this.#tokens -= tokens
  }

  #fill(now: number): void {
    const { ratePerSecond, burst } = this.#limits
    const passedMs = Math.max(0, now - this.#filledAt)
    this.#tokens = Math.min(burst, this.#tokens + (passedMs * ratePerSecond) / 1000)
    this.#filledAt = now
  }
}
