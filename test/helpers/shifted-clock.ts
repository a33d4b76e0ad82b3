import { type Clock, systemClock } from '../../src/clock.ts'

/** The clock of the system, whose time a test puts forward. Its timers take their time. */
export class ShiftedClock implements Clock {
  #shiftMs = 0
  readonly setTimeout = systemClock.setTimeout
  readonly setInterval = systemClock.setInterval

  now(): number {
    return systemClock.now() + this.#shiftMs
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#shiftMs
  }

  advance(ms: number): void {
    this.#shiftMs += ms
  }
}
