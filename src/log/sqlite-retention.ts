import type { Clock, Timer } from '../clock.ts'
import { RetentionClock } from './retention-clock.ts'
import type { Outcome } from './sqlite-client.ts'
import type { RetainStep } from './sqlite-messages.ts'

export interface Retention {
  /** Maximum number of events kept. */
  count: number
  /** Maximum bytes of event payloads kept. Default: no limit. */
  bytes?: number
  /** How long events are kept. */
  ms: number
}

/** The part of the log's client that the sweeper uses. */
export interface RetainPort {
  /** The last time used by retention, epoch ms; undefined for a new log. */
  readonly believedAt: number | undefined
  call(call: 'retain', step: RetainStep, onDone: (outcome: Outcome<'retain'>) => void): void
}

export interface RetentionOptions {
  client: RetainPort
  clock: Clock
  retention: Retention
  intervalMs: number
  onFault: (error: Error) => void
  /** Called with a message about a change that an operator may want to know about. */
  onNote: (message: string) => void
}

/** The share of the byte limit at which a warning is given; it is given again once usage has fallen below `CALM_AT`. */
const WARNED_AT = 0.8
const CALM_AT = 0.7

/** Removes data that is too old or over the limits, chunk by chunk, so that appends can run in between. */
export class RetentionSweeper {
  readonly #options: RetentionOptions
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  #again = false
  readonly #time: RetentionClock
  #isDoubting = false
  #isWarned = false
  #usage = { events: 0, bytes: 0 }

  constructor(options: RetentionOptions) {
    this.#options = options
    this.#time = new RetentionClock(options.clock, options.client.believedAt)
  }

  start(): void {
    const { clock, intervalMs } = this.#options
    this.#timer ??= clock.setInterval(() => void this.run(), intervalMs)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** As of the last sweep: events, and bytes of their payloads. */
  get usage(): { events: number; bytes: number; limitBytes: number } {
    return { ...this.#usage, limitBytes: this.#limitBytes }
  }

  get #limitBytes(): number {
    return this.#options.retention.bytes ?? Number.MAX_SAFE_INTEGER
  }

  /** Resolves when everything that was due at the time of this call is removed, or a removal failed. */
  run(): Promise<void> {
    this.#again = true
    this.#running ??= this.#sweep().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #sweep(): Promise<void> {
    while (this.#again) {
      // A call during a sweep may come after the time that its last chunks used, so that more is due.
      this.#again = false
      while (await this.#chunk());
    }
  }

  #chunk(): Promise<boolean> {
    const { client, retention, onFault } = this.#options
    const now = this.#time.now()
    this.#noteDoubt()
    return new Promise(resolve => {
      client.call(
        'retain',
        { count: retention.count, bytes: this.#limitBytes, before: now - retention.ms, now },
        outcome => {
          if (outcome.status === 'ok') {
            const { more, ...usage } = outcome.value
            this.#noteUsage(usage)
            return resolve(more)
          }
          // The log itself reports fatal failures. Any other (such as a full disk) is retried at the next interval.
          if (!outcome.fatal) onFault(new Error(`Retention: ${outcome.message}`))
          resolve(false)
        },
      )
    })
  }

  #noteDoubt(): void {
    if (this.#isDoubting === this.#time.isWaiting) return
    this.#isDoubting = this.#time.isWaiting
    const said = this.#isDoubting
      ? 'the clock jumped far ahead: nothing is removed for its age until it has run evenly for a day'
      : 'the clock is trusted again: retention by age resumes'
    this.#options.onNote(said)
  }

  #noteUsage(usage: { events: number; bytes: number }): void {
    this.#usage = usage
    const share = usage.bytes / this.#limitBytes
    if (share < CALM_AT) this.#isWarned = false
    if (share < WARNED_AT || this.#isWarned) return
    this.#isWarned = true
    this.#options.onNote(
      `events fill ${Math.round(share * 100)} % of EVENT_RETENTION_BYTES: beyond it the oldest are removed, whatever their age`,
    )
  }
}
