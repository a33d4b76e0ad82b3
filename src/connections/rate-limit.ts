/** A token bucket: `burst` at once, `rate` per second sustained. Pure: the caller says what time it is (monotonic ms). */
export class TokenBucket {
  readonly #ratePerMs: number
  readonly #burst: number
  #tokens: number
  #filledAt: number

  constructor(limits: { ratePerSecond: number; burst: number }, now: number) {
    this.#ratePerMs = limits.ratePerSecond / 1000
    this.#burst = limits.burst
    this.#tokens = limits.burst
    this.#filledAt = now
  }

  /** 0 when one may pass; else the ms after which one more will. */
  take(now: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#filledAt) * this.#ratePerMs)
    this.#filledAt = now
    if (this.#tokens >= 1) {
      this.#tokens -= 1
      return 0
    }
    return Math.max(1, Math.ceil((1 - this.#tokens) / this.#ratePerMs))
  }
}
