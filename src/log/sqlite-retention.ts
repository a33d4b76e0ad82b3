import type { Clock, Timer } from '../clock.ts'
import type { WorkerClient } from './sqlite-client.ts'

export interface Retention {
  /** Events kept at most. */
  count: number
  /** Age that events are kept for. */
  ms: number
}

export interface RetentionOptions {
  client: WorkerClient
  clock: Clock
  retention: Retention
  intervalMs: number
  onFault: (error: Error) => void
}

/** Removes what is over age or over count, chunk by chunk, so that appends go on in between. */
export class RetentionSweeper {
  readonly #options: RetentionOptions
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  #again = false

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, intervalMs } = this.#options
    this.#timer ??= clock.setInterval(() => void this.run(), intervalMs)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Resolves when nothing is left to remove by the time of this call. */
  run(): Promise<void> {
    this.#again = true
    this.#running ??= this.#sweep().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #sweep(): Promise<void> {
    while (this.#again) {
      // A call during a sweep may come at a later time, at which more is due than its last chunks looked for.
      this.#again = false
      while (await this.#chunk());
    }
  }

  #chunk(): Promise<boolean> {
    const { client, clock, retention, onFault } = this.#options
    const now = clock.now()
    return new Promise(resolve => {
      client.call('retain', { count: retention.count, before: now - retention.ms, now }, outcome => {
        if (outcome.status === 'ok') return resolve(outcome.value.more)
        // A fatal one is told by the log itself. Any other (the disk is full) is tried again at the next interval.
        if (!outcome.fatal) onFault(new Error(`Retention: ${outcome.message}`))
        resolve(false)
      })
    })
  }
}
