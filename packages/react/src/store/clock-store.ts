import { systemClock, type Timer } from '@fleetwire/client'
import { Listeners } from './listeners.ts'
import type { Source } from './live.ts'

const TICK_MS = 1_000

/** The time, told once a second to all who show one: a timer for each row would cost more than the rows. */
class ClockStore implements Source<number> {
  readonly #listeners = new Listeners()
  #now = systemClock.now()
  #timer: Timer | undefined

  readonly get = (): number => {
    // The first reader after a pause must not see the time at which the last one left.
    if (this.#timer === undefined && systemClock.now() - this.#now >= TICK_MS) this.#now = systemClock.now()
    return this.#now
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

  /** A page that nobody sees shows no time. */
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
