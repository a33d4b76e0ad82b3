import { recordKind } from '@fleetwire/protocol'
import type { Clock } from '../../src/clock.ts'
import { FLW_ERR_LOG_CLOSED } from '../../src/errors.ts'
import { encodeCursor } from '../../src/log/cursor.ts'
import { committedEvent, storedRecord } from '../../src/log/entries.ts'
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
import { Followers } from '../../src/log/followers.ts'
import { appendOp } from '../../src/log/sqlite-drafts.ts'
import type { AppendOp } from '../../src/log/sqlite-messages.ts'
import { checkLimit, readPage } from '../../src/log/sqlite-paging.ts'
import { FakeClock } from './fake-clock.ts'
import { MemoryStore } from './memory-store.ts'

export interface MemoryLogOptions {
  store?: MemoryStore
  clock?: Clock
  retention?: { count: number; ms: number }
  /** Called when a follower throws. Default: the test fails. */
  onFault?: (error: Error) => void
}

const failTest = (error: Error) =>
  queueMicrotask(() => {
    throw error
  })

/**
 * A log in memory, for simulations and for tests of code that uses a log. It passes the contract suite. In addition,
 * tests can control the timing: `commit` appends at once, `hold` makes reads and snapshots wait, and `lagging` delays
 * notifications of followers until `tell`.
 */
export class MemoryLog implements EventLog {
  readonly epoch: string
  readonly #store: MemoryStore
  readonly #clock: Clock
  readonly #retention: { count: number; ms: number }
  readonly #followers: Followers
  #told: number
  #untold: FleetEvent[] = []
  #held: Promise<void> | undefined
  /** Pending until the caller of a snapshot has continued: appends in that turn come after the snapshot. */
  #pause: Promise<void> | undefined
  /** Appends that wait for the end of the pause. */
  readonly #paused = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined
  reads = 0
  /** Followers are only notified by `tell`, as on a node that lags behind the store. */
  lagging = false

  constructor({ store, clock, retention, onFault }: MemoryLogOptions = {}) {
    this.#store = store ?? new MemoryStore()
    this.#clock = clock ?? new FakeClock()
    this.#retention = retention ?? { count: Number.POSITIVE_INFINITY, ms: Number.POSITIVE_INFINITY }
    this.#followers = new Followers(onFault ?? failTest)
    this.epoch = this.#store.epoch
    this.#told = this.#store.head
  }

  get head(): string {
    return this.cursorOf(this.#told)
  }

  /** The number of positions assigned so far. */
  get length(): number {
    return this.#store.head
  }

  cursorOf(seq: number): string {
    return encodeCursor(this.epoch, seq)
  }

  /** Reads and snapshots wait until the returned function is called. */
  hold(): () => void {
    let release = () => {}
    this.#held = new Promise(resolve => {
      release = () => {
        this.#held = undefined
        resolve()
      }
    })
    return release
  }

  /** Removes events up to this position, like retention. */
  forget(seq: number): void {
    this.#store.forget(seq)
  }

  /** Removes events beyond the retention's count and age, and expired records. */
  retain(): void {
    const now = this.#clock.now()
    const { count, ms } = this.#retention
    this.#store.retain({ count, before: now - ms, now })
  }

  /** Appends one event, which also sets the record of its topic if that has one. */
  add(type: string, topic: string, payload: unknown = {}, taskId?: string): FleetEvent {
    const record = recordKind(topic) !== undefined ? ('set' as const) : undefined
    const draft = { type, topic, payload, ...(taskId !== undefined && { taskId }), ...(record && { record }) }
    const result = this.commit([draft])
    if (result.status !== 'ok') throw new Error(`not appended: ${result.status}`)
    return result.events[0]!
  }

  async append(drafts: readonly EventDraft[]): Promise<AppendResult> {
    if (this.#closed !== undefined) return { status: 'unavailable', retryAfterMs: 1000, reason: 'the log is closed' }
    const op = appendOp(drafts, this.#clock.now())
    if (this.#pause === undefined) return this.#commit(op, drafts)
    const resumed = this.#resumed()
    this.#paused.add(resumed)
    await resumed
    this.#paused.delete(resumed)
    return this.#commit(op, drafts)
  }

  /** Appends at once. */
  commit(drafts: readonly EventDraft[]): AppendResult {
    return this.#commit(appendOp(drafts, this.#clock.now()), drafts)
  }

  tell(): void {
    const events = this.#untold
    this.#untold = []
    this.#told = this.#store.head
    if (events.length > 0) this.#followers.tell(events)
  }

  async read(query: ReadQuery): Promise<ReadResult> {
    this.reads++
    this.#checkOpen()
    await this.#held
    const { epoch, head } = this.#store
    return readPage({ epoch, head, step: async step => this.#store.step(step), flawed: () => {} }, query)
  }

  async snapshot(patterns: readonly string[], scope: SnapshotScope = 'all'): Promise<Snapshot> {
    this.#checkOpen()
    await this.#held
    const records = this.#store.scan({ patterns, scope }).map(record => storedRecord(record))
    this.#pause ??= new Promise(resolve => {
      setImmediate(() => {
        this.#pause = undefined
        resolve()
      })
    })
    return { records, cursor: this.cursorOf(this.#store.head) }
  }

  async get(topic: string): Promise<LogRecord | undefined> {
    this.#checkOpen()
    return this.#current(topic)
  }

  async list(query: RecordQuery): Promise<RecordPage> {
    this.#checkOpen()
    checkLimit(query.limit)
    const { records, nextPage } = this.#store.list(query)
    return { records: records.map(storedRecord), nextPage }
  }

  follow(onBatch: (events: readonly FleetEvent[]) => void): Unfollow {
    return this.#followers.add(onBatch)
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all(this.#paused).then(() => {})
    return this.#closed
  }

  async #resumed(): Promise<void> {
    while (this.#pause !== undefined) await this.#pause
  }

  #commit(op: AppendOp, drafts: readonly EventDraft[]): AppendResult {
    const first = this.#store.append(op)
    if (typeof first !== 'number') return { status: 'conflict', current: first.current && storedRecord(first.current) }
    const events = drafts.map((draft, i) => committedEvent(this.epoch, first + i, op.at, draft, op.drafts[i]!.json))
    this.#untold.push(...events)
    if (!this.lagging) this.tell()
    return { status: 'ok', events }
  }

  #current(topic: string): LogRecord | undefined {
    const record = this.#store.get(topic)
    return record && storedRecord(record)
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new FLW_ERR_LOG_CLOSED()
  }
}
