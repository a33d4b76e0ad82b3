import type { Clock } from '../clock.ts'
import { Listeners } from '../listeners.ts'
import type {
  AppendResult,
  EventDraft,
  EventLog,
  FleetEvent,
  LogRecord,
  ReadQuery,
  ReadResult,
  RecordPage,
  RecordQuery,
  Snapshot,
  SnapshotScope,
  Unfollow,
} from './event-log.ts'

/** One append: how long its caller waited, its result, and how many events it added. */
export type AppendListener = (took: {
  ms: number
  status: AppendResult['status']
  events: number
  /** Why it was refused. */
  reason?: string
}) => void

/** A log that measures how long appends take, as their callers see it. */
export class TimedLog implements EventLog {
  readonly #log: EventLog
  readonly #clock: Clock
  readonly #listeners = new Listeners<Parameters<AppendListener>>()

  constructor(log: EventLog, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  onAppend(listener: AppendListener): () => void {
    return this.#listeners.add(listener)
  }

  get epoch(): string {
    return this.#log.epoch
  }

  get head(): string {
    return this.#log.head
  }

  async append(drafts: readonly EventDraft[]): Promise<AppendResult> {
    const from = this.#clock.monotonic()
    const result = await this.#log.append(drafts)
    const events = result.status === 'ok' ? result.events.length : 0
    // An empty append only checks whether the log would accept one, so it does not count.
    if (drafts.length > 0) {
      const { status } = result
      const reason = status === 'unavailable' ? { reason: result.reason } : {}
      const took = { ms: this.#clock.monotonic() - from, status, events, ...reason }
      this.#listeners.tell(took)
    }
    return result
  }

  read(query: ReadQuery): Promise<ReadResult> {
    return this.#log.read(query)
  }

  get(topic: string): Promise<LogRecord | undefined> {
    return this.#log.get(topic)
  }

  list(query: RecordQuery): Promise<RecordPage> {
    return this.#log.list(query)
  }

  snapshot(patterns: readonly string[], scope?: SnapshotScope): Promise<Snapshot> {
    return this.#log.snapshot(patterns, scope)
  }

  get settled(): EventLog['settled'] {
    return this.#log.settled?.bind(this.#log)
  }

  get catchUp(): EventLog['catchUp'] {
    return this.#log.catchUp?.bind(this.#log)
  }

  follow(onBatch: (events: readonly FleetEvent[]) => void): Unfollow {
    return this.#log.follow(onBatch)
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}
