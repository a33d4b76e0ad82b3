import type { Clock } from '../clock.ts'
import type { ConnectionKind } from './connection-kind.ts'
import { KeyedBuckets } from './keyed-buckets.ts'
import { type BucketLimits, TokenBucket } from './rate-limit.ts'
import type { Limit, Refusals } from './refusals.ts'

export interface FrameRates {
  /** For a connection that is not an agent's. */
  frameRate: number
  frameBurst: number
  /** For an agent's connection; the burst is twice as much. */
  agentFrameRate: number
  /** For all connections of one token subject; the burst is twice as much. */
  frameRatePerPrincipal: number
  /** For all connections of one address; the burst is twice as much. */
  frameRatePerAddress: number
}

const WHOSE = {
  frames_per_connection: 'this connection',
  frames_per_principal: 'all connections of this token subject',
  frames_per_address: 'all connections of this address',
} as const satisfies Partial<Record<Limit, string>>

export interface Excess {
  limit: keyof typeof WHOSE
  message: string
  retryAfterMs: number
}

/** The limits of one connection. */
export interface FrameGate {
  /** Called once for each frame. Returns why the frame is refused. */
  take(): Excess | undefined
  /** Charges the current frame for this many more; later frames pay for it. */
  spend(frames: number): void
}

/**
 * Limits how many frames are handled, both per connection and per group of related connections. Otherwise a flood would
 * only need more sockets.
 */
export class FrameLimits {
  readonly #clock: Clock
  readonly #refusals: Refusals
  readonly #own: BucketLimits
  readonly #agents: BucketLimits
  readonly #principals: KeyedBuckets
  readonly #addresses: KeyedBuckets

  constructor(clock: Clock, refusals: Refusals, rates: FrameRates) {
    this.#clock = clock
    this.#refusals = refusals
    this.#own = { ratePerSecond: rates.frameRate, burst: rates.frameBurst }
    this.#agents = twice(rates.agentFrameRate)
    this.#principals = new KeyedBuckets(twice(rates.frameRatePerPrincipal))
    this.#addresses = new KeyedBuckets(twice(rates.frameRatePerAddress))
  }

  /** The limits of a new connection. */
  gate(sub: string, address: string, kind: ConnectionKind): FrameGate {
    const own = new TokenBucket(kind === 'agent' ? this.#agents : this.#own, this.#clock.monotonic())
    return new Gate(this, own, sub, address)
  }

  /** Counts one more frame of a connection; `own` is its bucket. */
  take(own: TokenBucket, sub: string, address: string): Excess | undefined {
    const now = this.#clock.monotonic()
    return (
      this.#excess('frames_per_connection', own.take(now)) ??
      this.#excess('frames_per_principal', this.#principals.take(sub, now)) ??
      this.#excess('frames_per_address', this.#addresses.take(address, now))
    )
  }

  #excess(limit: Excess['limit'], retryAfterMs: number): Excess | undefined {
    if (retryAfterMs === 0) return undefined
    this.#refusals.add(limit)
    return { limit, message: `Too many frames on ${WHOSE[limit]}: slow down.`, retryAfterMs }
  }
}

class Gate implements FrameGate {
  readonly #limits: FrameLimits
  readonly #own: TokenBucket
  readonly #sub: string
  readonly #address: string

  constructor(limits: FrameLimits, own: TokenBucket, sub: string, address: string) {
    this.#limits = limits
    this.#own = own
    this.#sub = sub
    this.#address = address
  }

  take(): Excess | undefined {
    return this.#limits.take(this.#own, this.#sub, this.#address)
  }

  spend(frames: number): void {
    this.#own.spend(frames)
  }
}

const twice = (ratePerSecond: number) => ({ ratePerSecond, burst: 2 * ratePerSecond })
