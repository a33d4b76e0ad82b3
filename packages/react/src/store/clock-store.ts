import { systemClock, type Timer } from '@fleetwire/client'
import { Listeners } from './listeners.ts'
import type { Source } from './live.ts'

const TICK_MS = 1_000

/** Smaller differences are network latency, or do not show in ages given in seconds. */
const WORTH_CORRECTING_MS = 2_000

/**
 * The server time, published once a second to all components that show it: a timer per row would cost more than the
 * rows.
 */
class ClockStore implements Source<number> {
  readonly #listeners = new Listeners()
  #now = systemClock.now()
  #timer: Timer | undefined
  #aheadMs = 0

  /** How far the server's clock is ahead. Record times are the server's; a browser's clock may be minutes off. */
  get aheadMs(): number {
    return this.#aheadMs
  }

  setAhead(ms: number): void {
    const aheadMs = Math.abs(ms) < WORTH_CORRECTING_MS ? 0 : ms
    if (aheadMs === this.#aheadMs) return
    this.#aheadMs = aheadMs
    this.#tell()
  }

  readonly get = (): number => {
    // The first reader after a pause must not see the time of the last tick.
    if (this.#timer === undefined && systemClock.now() - this.#now >= TICK_MS) this.#now = systemClock.now()
    return this.#now + this.#aheadMs
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    const leave = this.#listeners.add(listener)
    if (this.#listeners.size === 1) this.#open()
    return () => {
      leave()
      if (this.#listeners.size === 0) this.#close()
    }
  }

  #open(): void {
    if (typeof document !== 'undefined') document.addEventListener('visibilitychange', this.#onVisibility)
    this.#onVisibility()
  }

  #close(): void {
    if (typeof document !== 'undefined') document.removeEventListener('visibilitychange', this.#onVisibility)
    this.#stop()
  }

  #stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** A hidden page needs no ticks. */
  readonly #onVisibility = (): void => {
    this.#stop()
    if (typeof document !== 'undefined' && document.hidden) return
    this.#timer = systemClock.setTimeout(this.#tick, TICK_MS)
    if (systemClock.now() - this.#now >= TICK_MS) this.#tell()
  }

  readonly #tick = (): void => {
    this.#timer = systemClock.setTimeout(this.#tick, TICK_MS)
    this.#tell()
  }

  #tell(): void {
    this.#now = systemClock.now()
    this.#listeners.tell()
  }
}

export const clockStore = new ClockStore()
