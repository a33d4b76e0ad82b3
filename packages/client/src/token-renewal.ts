import type { Clock, Timer } from './clock.ts'
import { messageOf } from './errors.ts'
import type { Log } from './log.ts'
import { tokenExpiry } from './token-expiry.ts'

export interface TokenRenewalOptions {
  clock: Clock
  log: Log
  ask: () => string | Promise<string>
  /** The token in use. */
  token: string
  /** Called with a token that expires later. */
  renewed(token: string): void
}

/** A fifth of the remaining lifetime, up to a limit, because the token source may be slow too. */
const MARGIN = 0.2
const LONGEST_MARGIN_MS = 60_000
const SHORTEST_WAIT_MS = 250
/** setTimeout takes at most 2^31 - 1 ms. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/** Fetches another token before the current one expires, retrying until it has one or time is up. */
export class TokenRenewal {
  readonly #options: TokenRenewalOptions
  readonly #expiresAt: number | undefined
  #timer: Timer | undefined
  #isStopped = false

  constructor(options: TokenRenewalOptions) {
    this.#options = options
    this.#expiresAt = tokenExpiry(options.token)
    if (this.#expiresAt === undefined) return
    const leftMs = this.#expiresAt - options.clock.now()
    this.#wait(leftMs - Math.min(leftMs * MARGIN, LONGEST_MARGIN_MS))
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #wait(delayMs: number): void {
    if (this.#isStopped) return
    const ms = Math.min(Math.max(delayMs, SHORTEST_WAIT_MS), LONGEST_WAIT_MS)
    this.#timer = this.#options.clock.setTimeout(() => {
      if (ms < delayMs) this.#wait(delayMs - ms)
      else void this.#ask()
    }, ms)
  }

  async #ask(): Promise<void> {
    const { ask, clock, log, renewed } = this.#options
    const expiresAt = this.#expiresAt ?? 0
    try {
      const token = (await ask()).trim()
      if (this.#isStopped) return
      const lasts = tokenExpiry(token) ?? 0
      if (lasts > expiresAt) return renewed(token)
    } catch (error) {
      log('warn', 'could not renew the token', { message: messageOf(error) })
    }
    const leftMs = expiresAt - clock.now()
    if (leftMs > 0) this.#wait(leftMs * MARGIN)
  }
}
