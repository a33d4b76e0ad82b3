import type { Clock } from './clock.ts'

/** Waits for conditions, which are checked on every call of `changed`. */
export class Waiters {
  readonly #clock: Clock
  readonly #checks = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  changed(): void {
    for (const check of [...this.#checks]) check()
  }

  /** False on timeout. */
  until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true)
    return new Promise(resolve => {
      const done = (held: boolean) => {
        timer.cancel()
        this.#checks.delete(check)
        resolve(held)
      }
      const check = () => {
        if (condition()) done(true)
      }
      const timer = this.#clock.setTimeout(() => done(false), timeoutMs)
      this.#checks.add(check)
    })
  }
}
