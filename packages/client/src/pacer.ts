import type { Clock, Timer } from './clock.ts'
import { JoinedMessage } from './joined-message.ts'

export interface PacerOptions {
  clock: Clock
  send(text: string): void
  bufferedAmount(): number
  /** Each returns its next frame, or undefined if it has none now. Earlier sources take precedence. */
  sources: readonly (() => string | undefined)[]
}

/** Above this the socket is full: frames wait here, where they are bounded and can still be joined and overtaken. */
const BUFFER_HIGH_BYTES = 256 * 1024
const BUFFER_CHECK_MS = 25
/** Share of the limits that is used: frames that were spaced out here may reach the server together. */
const SHARE = 0.8

/**
 * Sends frames no faster than the server's rate limit and the socket allow: a frame over the limit would be refused,
 * and a refused numbered frame is lost. Frames sent at the same time share as few messages as possible.
 */
export class Pacer {
  readonly #options: PacerOptions
  readonly #message: JoinedMessage
  #ratePerMs = 0
  #burst = 0
  #tokens = 0
  #filledAt = 0
  #timer: Timer | undefined
  #isOpen = false
  #isPumping = false

  constructor(options: PacerOptions) {
    this.#options = options
    this.#message = new JoinedMessage(text => options.send(text))
  }

  open(limits: { maxFrameBytes: number; frameRate: number; frameBurst: number }): void {
    this.#message.limitBytes = limits.maxFrameBytes
    this.#ratePerMs = (limits.frameRate * SHARE) / 1000
    this.#burst = Math.max(1, limits.frameBurst * SHARE)
    this.#tokens = this.#burst
    this.#filledAt = this.#options.clock.now()
    this.#isOpen = true
    this.pump()
  }

  close(): void {
    this.#isOpen = false
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /**
   * Sends what the sources have. A source that calls this while it returns a frame is polled again after that frame.
   */
  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      this.#run()
    } finally {
      this.#isPumping = false
      this.#message.flush()
    }
  }

  #run(): void {
    while (this.#isOpen && this.#timer === undefined) {
      const waitMs = this.#waitMs()
      if (waitMs > 0) {
        this.#wait(waitMs)
        return
      }
      const text = this.#next()
      if (text === undefined) return
      this.#tokens -= 1
      this.#message.add(text)
    }
  }

  #next(): string | undefined {
    for (const source of this.#options.sources) {
      const text = source()
      if (text !== undefined) return text
    }
    return undefined
  }

  #wait(ms: number): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#timer = undefined
      this.pump()
    }, ms)
  }

  #waitMs(): number {
    const now = this.#options.clock.now()
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#filledAt) * this.#ratePerMs)
    this.#filledAt = now
    if (this.#options.bufferedAmount() + this.#message.bytes > BUFFER_HIGH_BYTES) return BUFFER_CHECK_MS
    return this.#tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - this.#tokens) / this.#ratePerMs))
  }
}
