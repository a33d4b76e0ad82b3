import type { Clock, Timer } from '../clock.ts'
import { RetentionClock } from './retention-clock.ts'
import type { Outcome } from './sqlite-client.ts'
import type { RetainStep } from './sqlite-messages.ts'

export interface Retention {
  /** How many events are kept at most. */
  count: number
  /** How many bytes of their payloads are kept at most. Default: no limit. */
  bytes?: number
  /** How long events are kept. */
  ms: number
}

/** Removes one chunk, or says why not. */
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
  /** Called with things that happen by themselves and that somebody may want to know. */
  onNote: (message: string) => void
}

/** The part of the byte limit at which a warning comes; it comes again after usage fell well below. */
const WARNED_AT = 0.8
const CALM_AT = 0.7

/** Removes what is too old or too much, chunk by chunk, so that appends go on in between. */
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

  /** Resolves when nothing is left to remove at the time of this call. */
  run(): Promise<void> {
    this.#again = true
    this.#running ??= this.#sweep().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #sweep(): Promise<void> {
    while (this.#again) {
      // A call during a sweep may be later than the time that its last chunks used, so that more is due.
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
          // The log itself reports a fatal one. Any other (the disk is full) is tried again at the next interval.
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
      ? 'the clock is far ahead of what it was: nothing is removed for its age before it ran evenly for a day'
      : 'the clock is believed again: retention goes on by it'
    this.#options.onNote(said)
  }

  #noteUsage(usage: { events: number; bytes: number }): void {
    this.#usage = usage
    const share = usage.bytes / this.#limitBytes
    if (share < CALM_AT) this.#isWarned = false
    if (share < WARNED_AT || this.#isWarned) return
    this.#isWarned = true
    this.#options.onNote(
      `events fill ${Math.round(share * 100)} % of EVENT_RETENTION_BYTES: over it the oldest are removed, whatever their age`,
    )
  }
}
