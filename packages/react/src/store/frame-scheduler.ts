import type { Clock, Timer } from '@fleetwire/client'

const HIDDEN_MS = 250
/** The share of time that flushes may take is about a quarter: the page must also draw and listen. */
const REST_FACTOR = 3

/**
 * Calls `flush` once a frame while there is something to flush. A hidden page has no frames, so a timer does it there;
 * and since browsers slow such timers down to one a minute, events that come later do it too. A flush that took long
 * (with the rendering that it caused) is followed by a pause.
 */
export class FrameScheduler {
  readonly #clock: Clock
  readonly #flush: () => void
  #since: number | undefined
  #frame: number | undefined
  #timer: Timer | undefined
  #notBefore = 0

  constructor(clock: Clock, flush: () => void) {
    this.#clock = clock
    this.#flush = flush
  }

  /** Something is pending. */
  schedule(): void {
    const now = this.#clock.now()
    if (this.#since === undefined) {
      this.#since = now
      this.#wait()
    } else if (now - this.#since > 2 * HIDDEN_MS) this.#run()
  }

  #wait(): void {
    if (typeof requestAnimationFrame === 'function') this.#frame = requestAnimationFrame(this.#onFrame)
    this.#timer = this.#clock.setTimeout(this.#run, HIDDEN_MS)
  }

  readonly #onFrame = (): void => {
    if (this.#clock.now() >= this.#notBefore) this.#run()
    else this.#frame = requestAnimationFrame(this.#onFrame)
  }

  readonly #run = (): void => {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    this.#timer?.cancel()
    this.#frame = undefined
    this.#since = undefined
    const start = this.#clock.now()
    try {
      this.#flush()
    } finally {
      // React renders in a microtask that the flush has queued already.
      queueMicrotask(() => {
        const end = this.#clock.now()
        this.#notBefore = end + Math.min(REST_FACTOR * (end - start), HIDDEN_MS)
      })
    }
  }
}
