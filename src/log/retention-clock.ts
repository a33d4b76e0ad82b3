import type { Clock } from '../clock.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** How far the wall clock may jump forward (drift, NTP) without being doubted. */
const TOLERANCE_MS = 5 * MINUTE
/** How long a process may have been down without its clock being doubted. */
const DOWNTIME_MS = DAY
/** A doubted clock is trusted after it ran evenly for this much running time. */
const CONFIRM_MS = DAY

/**
 * The time by which old data is removed. A wall clock that jumps ahead and back must not cause the removal of data that
 * was never old. So this time advances no faster than the monotonic clock, and a wall clock that is further ahead is
 * trusted only after it ran evenly for a day of this process. A clock that went back is followed at once, since that
 * removes less, never more.
 */
export class RetentionClock {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  /** The trusted time at the monotonic time `#since`. */
  #believed: number
  #since: number
  /** A wall clock that is ahead: its offset from the monotonic clock, and since when. */
  #doubted: { offset: number; since: number } | undefined

  /** `stored`: the last `now` of the previous process, epoch ms; undefined for a new store. */
  constructor(clock: Pick<Clock, 'now' | 'monotonic'>, stored: number | undefined) {
    this.#clock = clock
    const wall = clock.now()
    const isPlausible = stored === undefined || (wall >= stored && wall - stored <= DOWNTIME_MS)
    this.#believed = isPlausible ? wall : stored
    this.#since = clock.monotonic()
  }

  /** Epoch ms. Must be called often, since a jump and its end between two calls would not be noticed. */
  now(): number {
    const wall = this.#clock.now()
    const monotonic = this.#clock.monotonic()
    const due = this.#believed + monotonic - this.#since
    if (wall - due <= TOLERANCE_MS) {
      this.#doubted = undefined
      if (wall > due) this.#believe(wall, monotonic)
      return wall
    }
    const offset = wall - monotonic
    if (this.#doubted === undefined || Math.abs(offset - this.#doubted.offset) > TOLERANCE_MS) {
      this.#doubted = { offset, since: monotonic }
    } else if (monotonic - this.#doubted.since >= CONFIRM_MS) {
      this.#doubted = undefined
      this.#believe(wall, monotonic)
      return wall
    }
    return due
  }

  /** Whether the wall clock is ahead and not trusted yet. */
  get isWaiting(): boolean {
    return this.#doubted !== undefined
  }

  #believe(wall: number, monotonic: number): void {
    this.#believed = wall
    this.#since = monotonic
  }
}
