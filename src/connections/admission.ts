import type { Clock, Timer } from '../clock.ts'
import { TokenBucket } from './rate-limit.ts'

/** Waiting clients are admitted in steps; other work runs between the steps. */
const STEP_MS = 10
const CLOSING_RETRY_MS = 1000

export interface AdmissionLimits {
  ratePerSecond: number
  /** A client that would wait longer is told to come back later. */
  maxWaitMs: number
}

/** Called once: with undefined if admitted, else with the ms after which to come back. */
type Entered = (retryAfterMs: number | undefined) => void

/**
 * Admits new connections at a limited rate, first come, first served. After a restart all clients return at once. Each
 * costs a handshake and a snapshot, and commands must not wait behind thousands of them.
 */
export class Admission {
  readonly #clock: Clock
  readonly #limits: AdmissionLimits
  readonly #bucket: TokenBucket
  #queue: Entered[] = []
  #timer: Timer | undefined
  #closed = false

  constructor(clock: Clock, limits: AdmissionLimits) {
    this.#clock = clock
    this.#limits = limits
    const { ratePerSecond } = limits
    this.#bucket = new TokenBucket({ ratePerSecond, burst: Math.ceil(ratePerSecond / 10) }, clock.monotonic())
  }

  get waiting(): number {
    return this.#queue.length
  }

  enter(entered: Entered): void {
    const { ratePerSecond, maxWaitMs } = this.#limits
    const waitMs = (this.waiting * 1000) / ratePerSecond
    if (this.#closed) entered(CLOSING_RETRY_MS)
    else if (waitMs > maxWaitMs) entered(waitMs)
    else if (this.waiting === 0 && this.#take()) entered(undefined)
    else {
      this.#queue.push(entered)
      this.#timer ??= this.#clock.setInterval(() => this.#step(), STEP_MS)
    }
  }

  /** Tells waiting clients to come back; they will reach whichever server runs then. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    for (const entered of this.#queue.splice(0)) entered(CLOSING_RETRY_MS)
  }

  #take(): boolean {
    return this.#bucket.take(this.#clock.monotonic()) === 0
  }

  #step(): void {
    let count = 0
    while (count < this.#queue.length && this.#take()) count++
    for (const entered of this.#queue.splice(0, count)) entered(undefined)
    if (this.#queue.length > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
