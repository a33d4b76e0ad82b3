import type { Clock } from '../clock.ts'
import type { AppendResult, EventLog } from './event-log.ts'

/** How long one verdict serves all requests, so that probes add no load of their own. */
const VERDICT_MS = 2000
/** A disk that takes longer than this counts as not responding. */
const TIMEOUT_MS = 5000
/** Large enough to need space of its own: a small record may still fit when nothing else does. */
const PADDING = 'x'.repeat(32 * 1024)
const TOPIC = '$probe.write'

export type Verdict = { ready: true } | { ready: false; reason: string }

export interface StoreProbeOptions {
  log: Pick<EventLog, 'append'>
  clock: Clock
  /** Called when the verdict changes, with the reason why the store accepts nothing; undefined if it accepts again. */
  onChange(reason: string | undefined): void
}

/** Finds out whether the store accepts writes by writing to it. Refused appends of other callers count as well. */
export class StoreProbe {
  readonly #options: StoreProbeOptions
  #judging: Promise<Verdict> | undefined
  #judgedAt = Number.NEGATIVE_INFINITY
  #refusedAt = Number.NEGATIVE_INFINITY
  #refusal = ''
  #reason: string | undefined

  constructor(options: StoreProbeOptions) {
    this.#options = options
  }

  /** Called when another caller's append was refused. */
  refused(reason: string): void {
    this.#refusedAt = this.#options.clock.monotonic()
    this.#refusal = reason
    this.#tell(reason)
  }

  verdict(): Promise<Verdict> {
    const now = this.#options.clock.monotonic()
    if (this.#judging === undefined || now - this.#judgedAt >= VERDICT_MS) {
      this.#judgedAt = now
      this.#judging = this.#judge()
    }
    return this.#judging
  }

  async #judge(): Promise<Verdict> {
    const written = await this.#write()
    const { clock } = this.#options
    const isRefusing = clock.monotonic() - this.#refusedAt < VERDICT_MS
    const reason = written.status === 'unavailable' ? written.reason : isRefusing ? this.#refusal : undefined
    this.#tell(reason)
    return reason === undefined ? { ready: true } : { ready: false, reason }
  }

  #write(): Promise<AppendResult> {
    const { log, clock } = this.#options
    return new Promise((resolve, reject) => {
      const late: AppendResult = { status: 'unavailable', retryAfterMs: TIMEOUT_MS, reason: 'the disk does not answer' }
      const timer = clock.setTimeout(() => resolve(late), TIMEOUT_MS)
      const payload = { at: clock.now(), padding: PADDING }
      log
        .append([{ type: 'store:probed', topic: TOPIC, payload, record: 'set' }])
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }

  #tell(reason: string | undefined): void {
    if (reason === this.#reason) return
    this.#reason = reason
    this.#options.onChange(reason)
  }
}
