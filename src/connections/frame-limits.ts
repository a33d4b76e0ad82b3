import type { Clock } from '../clock.ts'
import type { ConnectionKind } from './connection-kind.ts'
import { KeyedBuckets } from './keyed-buckets.ts'
import { type BucketLimits, TokenBucket } from './rate-limit.ts'
import type { Limit, Refusals } from './refusals.ts'

export interface FrameRates {
  /** Of a connection that is no agent's. */
  frameRate: number
  frameBurst: number
  /** Of an agent's connection; twice as many at once. */
  agentFrameRate: number
  /** Over all sockets of one token subject; twice as many at once. */
  frameRatePerPrincipal: number
  /** Over all sockets of one address; twice as many at once. */
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
  /** Asked once for each frame: why it is not handled. */
  take(): Excess | undefined
  /** What is handled costs as much as so many frames more: those after it wait for them. */
  spend(frames: number): void
}

/** How many frames are handled: of one connection, and of all that belong together, or a flood would only need more sockets. */
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

  /** Of a new connection. */
  gate(sub: string, address: string, kind: ConnectionKind): FrameGate {
    const own = new TokenBucket(kind === 'agent' ? this.#agents : this.#own, this.#clock.monotonic())
    return {
      take: () => {
        const now = this.#clock.monotonic()
        return (
          this.#excess('frames_per_connection', own.take(now)) ??
          this.#excess('frames_per_principal', this.#principals.take(sub, now)) ??
          this.#excess('frames_per_address', this.#addresses.take(address, now))
        )
      },
      spend: frames => own.spend(frames),
    }
  }

  #excess(limit: Excess['limit'], retryAfterMs: number): Excess | undefined {
    if (retryAfterMs === 0) return undefined
    this.#refusals.add(limit)
    return { limit, message: `Too many frames of ${WHOSE[limit]}: slow down.`, retryAfterMs }
  }
}

const twice = (ratePerSecond: number) => ({ ratePerSecond, burst: 2 * ratePerSecond })
