import type { Clock, Timer } from './clock.ts'
import { type Observable, Subject } from './observable.ts'

const EVERY_MS = 10_000

/** Measures how long a frame takes to the server and back, at intervals while there is a connection. */
export class RoundTrip {
  readonly #clock: Clock
  readonly #ask: (timestamp: number) => void
  readonly #rttMs = new Subject<number | undefined>(undefined)
  #timer: Timer | undefined

  /** `ask` sends a frame that is answered with its timestamp. */
  constructor(clock: Clock, ask: (timestamp: number) => void) {
    this.#clock = clock
    this.#ask = ask
  }

  /** Undefined until it is known for the present connection. */
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
    // The clock was set meanwhile, so the result means nothing.
    if (this.#timer !== undefined && ms >= 0 && ms < EVERY_MS) this.#set(ms)
  }

  #set(rttMs: number | undefined): void {
    if (rttMs !== this.#rttMs.value) this.#rttMs.set(rttMs)
  }
}
