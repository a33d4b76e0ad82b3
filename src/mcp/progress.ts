import { limits } from './limits.ts'

interface Notification {
  /** Seconds since the call began; each is higher than the one before. */
  progress: number
  message: string
}

/** Tells a client how far a call is: each change at once, and the same again after a while as a sign of life. */
export class Progress {
  readonly #monotonic: () => number
  readonly #send: (notification: Notification) => void
  readonly #startedAt: number
  #last = 0
  #toldAt = Number.NEGATIVE_INFINITY
  #told = ''

  constructor(clock: { monotonic(): number }, send: (notification: Notification) => void) {
    this.#monotonic = () => clock.monotonic()
    this.#send = send
    this.#startedAt = clock.monotonic()
  }

  tell(message: string): void {
    const now = this.#monotonic()
    if (message === this.#told && now - this.#toldAt < limits.progressMs) return
    this.#told = message
    this.#toldAt = now
    this.#last = Math.max(Math.round(now - this.#startedAt), this.#last + 1)
    this.#send({ progress: this.#last / 1000, message })
  }
}
