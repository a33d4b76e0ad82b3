import type { Clock, Timer } from '@fleetwire/client'

const HIDDEN_MS = 250
/** Flushes may take about a quarter of the time: the page must also draw and react to input. */
const REST_FACTOR = 3

/**
 * Calls `flush` once per animation frame while something is pending. A hidden page has no frames, so a timer flushes
 * there; browsers slow such timers down to one per minute, so late events flush too. A pause follows a flush that took
 * long (including the rendering that it caused).
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
      // React renders in a microtask that the flush has already queued.
      queueMicrotask(() => {
        const end = this.#clock.now()
        this.#notBefore = end + Math.min(REST_FACTOR * (end - start), HIDDEN_MS)
      })
    }
  }
}
