import { type Clock, systemClock } from '../../src/clock.ts'

/** The system clock, whose time a test can advance. Timers are not affected. */
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
