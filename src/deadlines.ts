import type { Clock, Timer } from './clock.ts'

/** A deadline that fires this late shows that this process stalled (stopped, starved, asleep), not that a peer did. */
const STALL_MS = 2000
/** Extra time for peers after a stall, so that pending input is read before they are judged. */
const GRACE_MS = 5000
/** setTimeout takes at most 2^31 - 1 ms. */
const MAX_DELAY_MS = 2 ** 31 - 1

interface Armed {
  dueAt: number
  timer: Timer
}

/**
 * One deadline per key, on the monotonic clock, so that jumps of the wall clock do not move it. Setting a key again
 * replaces its deadline. A deadline that fires late because this process stalled is postponed by a short grace period,
 * after every stall anew. Deadlines of different kinds need separate sets, or keys whose type names the kind, so that
 * one never clears another's.
 */
export class Deadlines<Key extends string = string> {
  readonly #clock: Clock
  readonly #armed = new Map<Key, Armed>()
  #isRunning = true

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(key: Key, delayMs: number, onDue: () => void): void {
    this.clear(key)
    if (this.#isRunning) this.#arm(key, this.#clock.monotonic() + Math.max(0, delayMs), onDue)
  }

  has(key: Key): boolean {
    return this.#armed.has(key)
  }

  clear(key: Key): void {
    this.#armed.get(key)?.timer.cancel()
    this.#armed.delete(key)
  }

  /** Accepts deadlines again after a stop. */
  start(): void {
    this.#isRunning = true
  }

  /**
   * Clears all deadlines and accepts no new ones, so that code which still awaits a response cannot set one after its
   * owner stopped.
   */
  stop(): void {
    this.#isRunning = false
    for (const { timer } of this.#armed.values()) timer.cancel()
    this.#armed.clear()
  }

  #arm(key: Key, dueAt: number, onDue: () => void): void {
    const delayMs = Math.min(dueAt - this.#clock.monotonic(), MAX_DELAY_MS)
    const firesAt = this.#clock.monotonic() + delayMs
    const timer = this.#clock.setTimeout(() => {
      const now = this.#clock.monotonic()
      if (now - firesAt > STALL_MS) this.#arm(key, Math.max(dueAt, now + GRACE_MS), onDue)
      else if (now < dueAt) this.#arm(key, dueAt, onDue)
      else {
        this.#armed.delete(key)
        onDue()
      }
    }, delayMs)
    this.#armed.set(key, { dueAt, timer })
  }
}
