export interface BucketLimits {
  ratePerSecond: number
  burst: number
}

/**
 * A token bucket: `burst` at once, `rate` per second in the long run. Pure: the caller passes the time (monotonic ms).
 */
export class TokenBucket {
  readonly #ratePerMs: number
  readonly #burst: number
  #tokens: number
  #filledAt: number

  constructor(limits: BucketLimits, now: number) {
    this.#ratePerMs = limits.ratePerSecond / 1000
    this.#burst = limits.burst
    this.#tokens = limits.burst
    this.#filledAt = now
  }

  isFull(now: number): boolean {
    this.#fill(now)
    return this.#tokens >= this.#burst
  }

  /** 0 if one may pass, else the ms until the next may. */
  take(now: number): number {
    this.#fill(now)
    if (this.#tokens >= 1) {
      this.#tokens -= 1
      return 0
    }
    return Math.max(1, Math.ceil((1 - this.#tokens) / this.#ratePerMs))
  }

  /** Takes tokens even if there are not enough; later takes wait until the debt is paid. */
  spend(tokens: number): void {
    this.#tokens -= tokens
  }

  #fill(now: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#filledAt) * this.#ratePerMs)
    this.#filledAt = now
  }
}
