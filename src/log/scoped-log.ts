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

const CLOSED: AppendResult = { status: 'unavailable', retryAfterMs: 1000, reason: 'this server is stopping' }

/**
 * The log during one run of its users, between `open` and `close`. Outside a run, appends are refused and followers are
 * not called, even if users still hold a promise or a listener; reads work as usual. The log itself stays open.
 */
export class ScopedLog implements EventLog {
  readonly #log: EventLog
  readonly #follows = new Set<Unfollow>()
  #isOpen = false
  #underWay = 0
  readonly #onIdle = new Set<() => void>()

  constructor(log: EventLog) {
    this.#log = log
  }

  get epoch(): string {
    return this.#log.epoch
  }

  get head(): string {
    return this.#log.head
  }

  open(): void {
    this.#isOpen = true
  }

  append(drafts: readonly EventDraft[]): Promise<AppendResult> {
    return this.#isOpen ? this.#waitedFor(this.#log.append(drafts)) : Promise.resolve(CLOSED)
  }

  get(topic: string): Promise<LogRecord | undefined> {
    return this.#waitedFor(this.#log.get(topic))
  }

  list(query: RecordQuery): Promise<RecordPage> {
    return this.#waitedFor(this.#log.list(query))
  }

  read(query: ReadQuery): Promise<ReadResult> {
    return this.#log.read(query)
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
    if (!this.#isOpen) return () => {}
    const unfollow = this.#log.follow(onBatch)
    const stop = () => {
      if (this.#follows.delete(stop)) unfollow()
    }
    this.#follows.add(stop)
    return stop
  }

  /**
   * Ends the run at once. Resolves when all operations in flight are done, including those that callers start in
   * response to a result.
   */
  async close(): Promise<void> {
    this.#isOpen = false
    for (const unfollow of this.#follows) unfollow()
    do {
      if (this.#underWay > 0) await new Promise<void>(resolve => this.#onIdle.add(resolve))
      await new Promise(setImmediate)
    } while (this.#underWay > 0)
  }

  async #waitedFor<T>(operation: Promise<T>): Promise<T> {
    this.#underWay++
    try {
      return await operation
    } finally {
      this.#underWay--
      if (this.#underWay === 0) this.#tellIdle()
    }
  }

  #tellIdle(): void {
    for (const resolve of this.#onIdle) resolve()
    this.#onIdle.clear()
  }
}
