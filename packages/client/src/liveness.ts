import type { Clock, Timer } from './clock.ts'

/** Longest wait for a sign of life after a timer was late. */
const GRACE_MS = 5_000

export interface LivenessActions {
  /** Ask for a sign of life. */
  probe(): void
  dead(): void
}

/**
 * Watches the other side of one socket: silent for one interval, it is asked for a sign of life; silent for two, the
 * link is dead. When the timer itself was late (the host slept, the event loop stalled) frames may be waiting unread, so
 * silence proves nothing yet: the other side is asked once more and gets a short grace, instead of two further intervals.
 */
export class Liveness {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #actions: LivenessActions
  #heardAt: number
  #timer: Timer

  constructor(clock: Clock, intervalMs: number, actions: LivenessActions) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#actions = actions
    this.#heardAt = clock.now()
    this.#timer = this.#arm(intervalMs, false)
  }

  heard(): void {
    this.#heardAt = this.#clock.now()
  }

  stop(): void {
    this.#timer.cancel()
  }

  #arm(delayMs: number, isGrace: boolean): Timer {
    const dueAt = this.#clock.now() + delayMs
    return this.#clock.setTimeout(() => this.#tick(dueAt, isGrace), delayMs)
  }

  #tick(dueAt: number, isGrace: boolean): void {
    const now = this.#clock.now()
    // The wall clock was set back: what was heard "in the future" was heard now.
    this.#heardAt = Math.min(this.#heardAt, now)
    const silentMs = now - this.#heardAt
    const wasLate = now - dueAt > this.#intervalMs / 2
    if (silentMs < this.#intervalMs) {
      this.#timer = this.#arm(this.#intervalMs - silentMs, false)
    } else if (wasLate) {
      this.#actions.probe()
      this.#timer = this.#arm(Math.min(this.#intervalMs, GRACE_MS), true)
    } else if (isGrace || silentMs >= 2 * this.#intervalMs) {
      this.#actions.dead()
    } else {
      this.#actions.probe()
      this.#timer = this.#arm(2 * this.#intervalMs - silentMs, false)
    }
  }
}
