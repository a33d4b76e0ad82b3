import { type WireError, wireError } from '@fleetwire/protocol'
import type { Principal } from '../auth/principal.ts'
import type { Clock } from '../clock.ts'
import { Admission } from './admission.ts'
import { KeyedBuckets } from './keyed-buckets.ts'
import type { Refusals } from './refusals.ts'

export interface UpgradeGateOptions {
  clock: Clock
  refusals: Refusals
  /** Why there is no room for one more connection of this principal; undefined if there is. */
  room(principal: Principal): WireError | undefined
  limits: {
    /** Upgrades per second for one address, and for one token subject. */
    upgradeRate: number
    upgradeBurst: number
    admissionRate: number
    admissionWaitMs: number
  }
}

/** Checks every upgrade: an HTTP refusal is cheap, while a connection takes memory for as long as it lives. */
export class UpgradeGate {
  readonly #options: UpgradeGateOptions
  readonly #addresses: KeyedBuckets
  readonly #principals: KeyedBuckets
  readonly #admission: Admission

  constructor(options: UpgradeGateOptions) {
    const { upgradeRate: ratePerSecond, upgradeBurst: burst, admissionRate, admissionWaitMs } = options.limits
    this.#options = options
    this.#addresses = new KeyedBuckets({ ratePerSecond, burst })
    this.#principals = new KeyedBuckets({ ratePerSecond, burst })
    this.#admission = new Admission(options.clock, { ratePerSecond: admissionRate, maxWaitMs: admissionWaitMs })
  }

  /** How many clients with a valid token wait to be admitted. */
  get waiting(): number {
    return this.#admission.waiting
  }

  /** Called before the token is checked, so that guessing tokens is limited too. */
  knock(address: string): WireError | undefined {
    const retryAfterMs = this.#addresses.take(address, this.#options.clock.monotonic())
    return retryAfterMs === 0 ? undefined : this.#tooMany('upgrades_per_address', 'this address', retryAfterMs)
  }

  /**
   * Called with a valid token. Calls `entered` once, now or later; if there is no refusal, the caller must open the
   * socket within that call.
   */
  enter(principal: Principal, entered: (refusal: WireError | undefined) => void): void {
    const { clock, room } = this.#options
    const retryAfterMs = this.#principals.take(principal.sub, clock.monotonic())
    const refusal =
      retryAfterMs === 0 ? room(principal) : this.#tooMany('upgrades_per_principal', 'this token subject', retryAfterMs)
    if (refusal !== undefined) entered(refusal)
    else this.#admission.enter(waitMs => entered(waitMs === undefined ? room(principal) : this.#full(waitMs)))
  }

  close(): void {
    this.#admission.close()
  }

  #tooMany(limit: 'upgrades_per_address' | 'upgrades_per_principal', of: string, retryAfterMs: number): WireError {
    this.#options.refusals.add(limit)
    return wireError('rate_limited', `Too many new sockets from ${of}: wait before opening another.`, { retryAfterMs })
  }

  #full(retryAfterMs: number): WireError {
    this.#options.refusals.add('admission')
    return wireError('unavailable', 'Too many sockets are being opened at once.', { retryAfterMs })
  }
}
