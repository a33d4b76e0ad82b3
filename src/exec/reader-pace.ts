import type { Clock, Timer } from '../clock.ts'

/** What may be ahead of the reader: less than the server keeps of a terminal, so that nothing unread leaves it. */
const WINDOW_BYTES = 1024 * 1024
/** For the first sign of a reader, and between two: it gives one every 5 s. Without one the program goes on alone. */
const LEASE_MS = 30_000

/**
 * Holds a program back to the pace of the one reader of its output. A reader that is gone, or never came, holds nothing:
 * then the program runs on, and what nobody read is lost beyond what is kept.
 */
export class ReaderPace {
  readonly #clock: Clock
  #written = 0
  #read = 0
  #until: number
  #waiting: { promise: Promise<void>; go(): void; timer: Timer } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#until = clock.monotonic() + LEASE_MS
  }

  /** So many bytes more were written. A promise where the reader is to be waited for. */
  wrote(bytes: number): Promise<void> | undefined {
    this.#written += bytes
    if (!this.#mustWait()) return undefined
    this.#waiting ??= this.#wait()
    return this.#waiting.promise
  }

  /** The reader is there, and has everything up to `offset`. */
  read(offset: number): void {
    this.#read = Math.max(this.#read, Math.min(offset, this.#written))
    this.#until = this.#clock.monotonic() + LEASE_MS
    if (!this.#mustWait()) this.stop()
  }

  /** Lets whoever waits go on. */
  stop(): void {
    this.#waiting?.timer.cancel()
    this.#waiting?.go()
    this.#waiting = undefined
  }

  #mustWait(): boolean {
    return this.#written - this.#read > WINDOW_BYTES && this.#clock.monotonic() < this.#until
  }

  #wait() {
    let go = () => {}
    const promise = new Promise<void>(resolve => {
      go = resolve
    })
    return { promise, go: () => go(), timer: this.#timer() }
  }

  #timer(): Timer {
    return this.#clock.setTimeout(
      () => {
        if (!this.#mustWait()) this.stop()
        else if (this.#waiting) this.#waiting.timer = this.#timer()
      },
      Math.max(1, this.#until - this.#clock.monotonic()),
    )
  }
}
