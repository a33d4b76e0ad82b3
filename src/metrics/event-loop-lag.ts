import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 20
const NANOSECONDS = 1e9
const quantiles = ['0.5', '0.99', '1'] as const

/** How late the event loop runs what is due: the first thing to look at when everything is slow. */
export class EventLoopLag {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

  start(): void {
    this.#histogram.enable()
  }

  stop(): void {
    this.#histogram.disable()
  }

  /** Since the last call. Timers of the measurement itself fire each 20 ms: that much is no lag. */
  lag(): [quantile: string, seconds: number][] {
    const read = quantiles.map((quantile): [string, number] => {
      const ns = this.#histogram.count === 0 ? 0 : this.#histogram.percentile(Number(quantile) * 100)
      return [quantile, Math.max(0, ns / NANOSECONDS - RESOLUTION_MS / 1000)]
    })
    this.#histogram.reset()
    return read
  }
}
