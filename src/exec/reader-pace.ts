import type { Clock, Timer } from '../clock.ts'

/**
 * How far the program may get ahead of the reader. Less than the server keeps per terminal, so that unread bytes are
 * never dropped.
 */
const WINDOW_BYTES = 1024 * 1024
/**
 * How long to wait for the first and for each further acknowledgement. A reader sends one every 5 s. Without one, the
 * program runs at full speed.
 */
const LEASE_MS = 30_000

/**
 * Slows a program down to the pace of the single reader of its output. If the reader is gone or never came, the program
 * runs at full speed, and unread output beyond what the server keeps is lost.
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

  /** The program wrote `bytes` more. Returns a promise if it must wait for the reader. */
  wrote(bytes: number): Promise<void> | undefined {
    this.#written += bytes
    if (!this.#mustWait()) return undefined
    this.#waiting ??= this.#wait()
    return this.#waiting.promise
  }

  /** The reader has everything before `offset`. */
  read(offset: number): void {
    this.#read = Math.max(this.#read, Math.min(offset, this.#written))
    this.#until = this.#clock.monotonic() + LEASE_MS
    if (!this.#mustWait()) this.stop()
  }

  /** Resolves the promise that the program waits for. */
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
