import type { Clock, Timer } from '../clock.ts'

export interface LivenessLimits {
  readonly intervalMs: number
  /** After this many intervals in a row without a sign of life, the peer is dead. */
  readonly silentLimit: number
}

export interface LivenessWatcher {
  /**
   * Called once per interval, to ask the peer for a sign of life. `silent` counts the intervals in a row without one.
   */
  beat(silent: number): void
  dead(): void
}

/**
 * Watches one peer. Only intervals in which this process was awake count as silent: after a stall of the event loop or
 * of the host, data from the peer may still be unread.
 */
export class Liveness {
  readonly #clock: Clock
  readonly #limits: LivenessLimits
  readonly #watcher: LivenessWatcher
  readonly #timer: Timer
  #heard = false
  #silent = 0
  #beatAt: number

  constructor(clock: Clock, limits: LivenessLimits, watcher: LivenessWatcher) {
    this.#clock = clock
    this.#limits = limits
    this.#watcher = watcher
    this.#beatAt = clock.monotonic()
    this.#timer = clock.setInterval(() => this.#tick(), limits.intervalMs)
  }

  /** The peer sent something. */
  heard(): void {
    this.#heard = true
  }

  stop(): void {
    this.#timer.cancel()
  }

  #tick(): void {
    const { intervalMs, silentLimit } = this.#limits
    const now = this.#clock.monotonic()
    const stalled = now - this.#beatAt > intervalMs * 1.5
    this.#beatAt = now
    if (this.#heard) this.#silent = 0
    else if (!stalled) this.#silent++
    this.#heard = false
    if (this.#silent >= silentLimit) this.#watcher.dead()
    else this.#watcher.beat(this.#silent)
  }
}
