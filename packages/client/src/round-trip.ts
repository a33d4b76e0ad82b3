import type { Clock, Timer } from './clock.ts'
import { type Observable, Subject } from './observable.ts'

const EVERY_MS = 10_000

/** Measures the round-trip time of a frame to the server, at intervals while there is a connection. */
export class RoundTrip {
  readonly #clock: Clock
  readonly #ask: (timestamp: number) => void
  readonly #rttMs = new Subject<number | undefined>(undefined)
  #timer: Timer | undefined

  /** `ask` sends a frame whose reply echoes the timestamp. */
  constructor(clock: Clock, ask: (timestamp: number) => void) {
    this.#clock = clock
    this.#ask = ask
  }

  /** Undefined until it has been measured on the current connection. */
  get rttMs(): Observable<number | undefined> {
    return this.#rttMs
  }

  start(): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.setTimeout(() => this.start(), EVERY_MS)
    this.#ask(this.#clock.now())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#set(undefined)
  }

  answered(timestamp: number): void {
    const ms = this.#clock.now() - timestamp
    // Outside this range the clock was set in between, so the result is meaningless.
    if (this.#timer !== undefined && ms >= 0 && ms < EVERY_MS) this.#set(ms)
  }

  #set(rttMs: number | undefined): void {
    if (rttMs !== this.#rttMs.value) this.#rttMs.set(rttMs)
  }
}
