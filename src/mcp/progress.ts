import { limits } from './limits.ts'

interface Notification {
  /** Seconds since the call started; strictly increasing. */
  progress: number
  message: string
}

/** Reports the progress of a call to the client: each change at once, and repeats after a while as a sign of life. */
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
