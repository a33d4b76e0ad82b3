import { type BucketLimits, TokenBucket } from './rate-limit.ts'

/** Unknown clients choose the keys (addresses and subjects), so their number is limited. */
const MAX_KEYS = 100_000
const SWEEP_AFTER = 1024

/** A token bucket per key. A full bucket carries no information and is dropped. */
export class KeyedBuckets {
  readonly #limits: BucketLimits
  readonly #buckets = new Map<string, TokenBucket>()
  #untilSweep = SWEEP_AFTER

  constructor(limits: BucketLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Takes a token of the key's bucket. Returns 0, or the ms until one is available. `now` is monotonic ms. */
  take(key: string, now: number): number {
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      this.#makeRoom(now)
      bucket = new TokenBucket(this.#limits, now)
      this.#buckets.set(key, bucket)
    }
    return bucket.take(now)
  }

  /**
   * Scans all keys only after as many new keys as there are, so the cost per new key does not depend on their number.
   */
  #makeRoom(now: number): void {
    if (--this.#untilSweep <= 0) {
      for (const [key, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(key)
      this.#untilSweep = Math.max(SWEEP_AFTER, this.size)
    }
    if (this.size < MAX_KEYS) return
    const [oldest] = this.#buckets.keys()
    this.#buckets.delete(oldest!)
  }
}
