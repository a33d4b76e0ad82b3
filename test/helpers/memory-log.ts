import { matchEvent, recordKind } from '@fleetwire/protocol'
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
import { isSettled, type RecordFields, recordFields, recordIdentity } from '../../src/log/record-key.ts'
import { appendOp } from '../../src/log/sqlite-drafts.ts'
import type { AppendOp, ReadStep, ReadStepResult, StoredEvent, StoredRecord } from '../../src/log/sqlite-messages.ts'
import { checkLimit, readPage } from '../../src/log/sqlite-paging.ts'
import { FakeClock } from './fake-clock.ts'

/** What a log keeps, so that it can be opened again. */
export class MemoryStore {
  readonly epoch: string
  head = 0
  /** The newest event that was removed. */
  floor = 0
  events: StoredEvent[] = []
  readonly records = new Map<string, StoredEntry>()
  /** Records so far: the place of each among those of equal id. */
  rows = 0

  constructor(epoch = 'test') {
    this.epoch = epoch
  }
}

interface StoredEntry {
  record: StoredRecord
  n: number
  kind: string
  id: string
  taskId: string | null
  fields: RecordFields
  expiresAt: number | null
}

export interface MemoryLogOptions {
  store?: MemoryStore
  clock?: Clock
  retention?: { count: number; ms: number }
  /** Told of followers that throw. Default: the test fails. */
  onFault?: (error: Error) => void
}

const failTest = (error: Error) =>
  queueMicrotask(() => {
    throw error
  })

/**
 * A log in memory, for simulations and for tests of what stands on a log. It passes the contract suite. Beside the
 * interface it lets a test decide when something happens: `commit` appends at once, `hold` makes reads and snapshots
 * wait, `lagging` puts off what followers are told until `tell`.
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
  /** Until whoever waits for a snapshot has gone on: what is appended in that turn comes after it. */
  #pause: Promise<void> | undefined
  /** Appends that wait for the end of a pause. */
  readonly #paused = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined
  reads = 0
  /** Followers are told when `tell` is called, as on a node that lags behind the store. */
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

  /** Places given so far. */
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

  /** Events up to this place leave retention. */
  forget(seq: number): void {
    const kept = this.#store.events.findIndex(event => event.seq > seq)
    const removed = this.#store.events.splice(0, kept === -1 ? this.#store.events.length : kept)
    this.#store.floor = removed.at(-1)?.seq ?? this.#store.floor
  }

  /** Removes what is over count, over age or expired. */
  retain(): void {
    const now = this.#clock.now()
    const { events, records } = this.#store
    const { count, ms } = this.#retention
    const doomed = events.findIndex((event, i) => i >= events.length - count && event.at >= now - ms)
    const last = doomed === -1 ? events.at(-1) : events[doomed - 1]
    if (last !== undefined) this.forget(last.seq)
    for (const [topic, { expiresAt }] of records) if (expiresAt !== null && expiresAt <= now) records.delete(topic)
  }

  /** One event, which sets the record of its topic where that has one. */
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
    return readPage({ epoch, head, step: async step => this.#step(step), flawed: () => {} }, query)
  }

  async snapshot(patterns: readonly string[], scope: SnapshotScope = 'all'): Promise<Snapshot> {
    this.#checkOpen()
    await this.#held
    const matching = [...this.#store.records.values()].filter(({ record: { topic }, taskId }) =>
      matches(patterns, topic, taskId),
    )
    const records = matching.map(({ record }) => storedRecord({ ...record }))
    this.#pause ??= new Promise(resolve => {
      setImmediate(() => {
        this.#pause = undefined
        resolve()
      })
    })
    return {
      records: scope === 'all' ? records : records.filter(({ payload }) => !isSettled(payload)),
      cursor: this.cursorOf(this.#store.head),
    }
  }

  async get(topic: string): Promise<LogRecord | undefined> {
    this.#checkOpen()
    return this.#current(topic)
  }

  async list({ kind, where = {}, order = 'asc', limit, page }: RecordQuery): Promise<RecordPage> {
    this.#checkOpen()
    checkLimit(limit)
    const start = page === undefined ? undefined : PAGE.exec(page)
    if (start === null) return { records: [], nextPage: null }
    const sign = order === 'asc' ? 1 : -1
    const compare = (a: Place, b: Place) => sign * (a.id === b.id ? a.n - b.n : a.id < b.id ? -1 : 1)
    const after = start && { n: Number(start[1]), id: start[2]! }
    const found = [...this.#store.records.values()]
      .filter(entry => entry.kind === kind && fits(entry, where) && (after === undefined || compare(entry, after) > 0))
      .sort(compare)
    const last = found.length > limit ? found[limit - 1] : undefined
    return {
      records: found.slice(0, limit).map(({ record }) => storedRecord({ ...record })),
      nextPage: last === undefined ? null : `${last.n}.${last.id}`,
    }
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
    const store = this.#store
    if (op.expect !== undefined) {
      const { topic } = drafts[0]!
      if (op.expect !== (store.records.get(topic)?.record.version ?? 0)) {
        return { status: 'conflict', current: this.#current(topic) }
      }
    }
    const events = drafts.map((draft, i) => {
      const { json, record, topic, type, taskId, agentId } = op.drafts[i]!
      const seq = ++store.head
      if (!topic.startsWith('$')) store.events.push({ seq, type, topic, at: op.at, taskId, agentId, json })
      if (record === null) store.records.delete(topic)
      else if (record !== undefined) {
        store.records.set(topic, {
          record: { topic, type, at: op.at, version: seq, json },
          n: store.records.get(topic)?.n ?? ++store.rows,
          ...recordIdentity(topic)!,
          taskId,
          fields: recordFields(draft.payload),
          expiresAt: draft.expiresAt ?? null,
        })
      }
      return committedEvent(this.epoch, seq, op.at, draft, json)
    })
    this.#untold.push(...events)
    if (!this.lagging) this.tell()
    return { status: 'ok', events }
  }

  #current(topic: string): LogRecord | undefined {
    const entry = this.#store.records.get(topic)
    return entry && storedRecord({ ...entry.record })
  }

  /** All that there is, in one step. */
  #step({ topics, direction, from, limit }: ReadStep): ReadStepResult {
    const { events, floor, head } = this.#store
    if (direction === 'forward' && from !== null && from < floor) return { status: 'expired' }
    const found = events.filter(
      ({ seq, topic, taskId }) =>
        (from === null || (direction === 'forward' ? seq > from : seq < from)) && matches(topics, topic, taskId),
    )
    if (direction === 'back') found.reverse()
    const page = found.slice(0, limit)
    const done = page.length === found.length
    const end = direction === 'forward' ? head : floor
    return { status: 'ok', events: page, at: done ? end : page.at(-1)!.seq, done, head }
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new FLW_ERR_LOG_CLOSED()
  }
}

type Place = Pick<StoredEntry, 'id' | 'n'>
const PAGE = /^(\d+)\.(.*)$/s

/** The server's own topics match nothing. */
function matches(patterns: readonly string[], topic: string, taskId: string | null): boolean {
  const event = { topic, ...(taskId !== null && { taskId }) }
  return !topic.startsWith('$') && patterns.some(pattern => matchEvent(pattern, event))
}

function fits({ id, fields }: StoredEntry, where: NonNullable<RecordQuery['where']>): boolean {
  const is = (value: string | null, wanted: string | readonly string[] | undefined) =>
    wanted === undefined || (value !== null && [wanted].flat().includes(value))
  const { agentId, createdAt } = fields
  return (
    is(id, where.id) &&
    is(agentId, where.agentId) &&
    is(fields.status, where.status) &&
    is(fields.taskId, where.taskId) &&
    is(fields.parentId, where.parentId) &&
    (where.createdAfter === undefined || (createdAt !== null && createdAt > where.createdAfter)) &&
    (where.agentLike === undefined || agentId === null || where.agentLike.some(like => glob(like).test(agentId)))
  )
}

/** Ids hold no character that an expression takes for more than itself, but for dots. */
const glob = (pattern: string): RegExp => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 's')
