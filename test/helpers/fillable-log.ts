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
} from '../../src/log/event-log.ts'

/** A real log whose disk is full when a test wants it. */
export class FillableLog implements EventLog {
  readonly #log: EventLog
  /** Decides which appends fail for lack of disk space. */
  refuses: (drafts: readonly EventDraft[]) => boolean = () => false
  /** Appends that failed. */
  refused = 0
  /** Followers through this wrapper. */
  followers = 0

  constructor(log: EventLog) {
    this.#log = log
  }

  get epoch(): string {
    return this.#log.epoch
  }

  get head(): string {
    return this.#log.head
  }

  append(drafts: readonly EventDraft[]): Promise<AppendResult> {
    if (!this.refuses(drafts)) return this.#log.append(drafts)
    this.refused++
    return Promise.resolve({ status: 'unavailable', retryAfterMs: 1000, reason: 'full disk' })
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

  follow(onBatch: (events: readonly FleetEvent[]) => void): Unfollow {
    const unfollow = this.#log.follow(onBatch)
    this.followers++
    let isFollowing = true
    return () => {
      if (isFollowing) this.followers--
      isFollowing = false
      unfollow()
    }
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}
