import type { Clock, Timer } from './clock.ts'

/** The longest wait for a sign of life after a late timer or an explicit check. */
const GRACE_MS = 5_000

export interface LivenessActions {
  /** Ask the peer for a sign of life. */
  probe(): void
  dead(): void
}

/**
 * Watches the peer of one socket. After one silent interval the peer is probed; after two the connection is dead. If
 * the timer itself was late (the host slept, the event loop stalled), frames may be waiting unread, so silence proves
 * nothing yet: the peer is probed once more and gets a short grace period instead of two further intervals.
 */
export class Liveness {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #actions: LivenessActions
  #heardAt: number
  /** The peer was probed for a grace period and has not been heard since. */
  #isOwed = false
  #timer: Timer

  constructor(clock: Clock, intervalMs: number, actions: LivenessActions) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#actions = actions
    this.#heardAt = clock.now()
    this.#timer = this.#arm(intervalMs)
  }

  heard(): void {
    this.#heardAt = this.#clock.now()
    this.#isOwed = false
  }

  stop(): void {
    this.#timer.cancel()
  }

  /** Something may have happened to the connection: probes the peer now, with a short grace period. */
  check(): void {
    this.#timer.cancel()
    this.#askInGrace()
  }

  #askInGrace(): void {
    this.#isOwed = true
    this.#actions.probe()
    this.#timer = this.#arm(Math.min(this.#intervalMs, GRACE_MS), true)
  }

  #arm(delayMs: number, isGrace = false): Timer {
    const dueAt = this.#clock.now() + delayMs
    return this.#clock.setTimeout(() => this.#tick(dueAt, isGrace), delayMs)
  }

  #tick(dueAt: number, isGrace: boolean): void {
    const now = this.#clock.now()
    // If the wall clock was set back, anything heard "in the future" counts as heard now.
    this.#heardAt = Math.min(this.#heardAt, now)
    const silentMs = now - this.#heardAt
    const wasLate = now - dueAt > this.#intervalMs / 2
    const isAlive = isGrace ? !this.#isOwed : silentMs < this.#intervalMs
    if (isAlive) {
      this.#timer = this.#arm(Math.max(this.#intervalMs - silentMs, 0))
    } else if (wasLate) {
      this.#askInGrace()
    } else if (isGrace || silentMs >= 2 * this.#intervalMs) {
      this.#actions.dead()
    } else {
      this.#actions.probe()
      this.#timer = this.#arm(2 * this.#intervalMs - silentMs)
    }
  }
}
