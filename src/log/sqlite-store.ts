import { FLW_ERR_LOG_CLOSED, FLW_ERR_LOG_ENTRY, FLW_ERR_LOG_FAILED } from '../errors.ts'
import { encodeCursor } from './cursor.ts'
import { storedRecord } from './entries.ts'
import type {
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
import { Followers } from './followers.ts'
import type { Failure, WorkerClient } from './sqlite-client.ts'
import type { Change } from './sqlite-group-commit.ts'
import type { CallName, Calls, StoredEvent } from './sqlite-messages.ts'
import { checkLimit, readPage } from './sqlite-paging.ts'
import { Snapshots } from './sqlite-snapshot.ts'

/** At most this many entries that no frame can carry are reported. */
const MAX_FLAWS_TOLD = 1000

/** How a log ended: on request, or by a fault of the store. */
type End = { name: 'closed' } | { name: 'failed'; reason: string }

/** The part of a SQLite log that does not write: it serves reads and notifies followers of commits. */
export class SqliteStore {
  readonly epoch: string
  readonly #client: WorkerClient
  readonly #followers: Followers
  readonly #snapshots: Snapshots
  readonly #flawed = new Set<number>()
  readonly #onFault: (error: Error) => void
  #head: number
  #end: End | undefined

  /** `onFailed` is called once, if the store is lost. */
  constructor(client: WorkerClient, onFault: (error: Error) => void, onFailed: () => void) {
    this.epoch = client.epoch
    this.#head = client.head
    this.#client = client
    this.#onFault = onFault
    this.#followers = new Followers(onFault)
    this.#snapshots = new Snapshots(client)
    client.onDown(reason => {
      this.#end = { name: 'failed', reason }
      onFailed()
      onFault(new FLW_ERR_LOG_FAILED(reason))
    })
  }

  get head(): string {
    return encodeCursor(this.epoch, this.#head)
  }

  /** Why nothing can be appended any more; undefined while it can. */
  get ended(): string | undefined {
    if (this.#end === undefined) return undefined
    return this.#end.name === 'closed' ? 'the log is closed' : `the log has failed: ${this.#end.reason}`
  }

  /** Marks the log as closed: no further appends are accepted. */
  end(): void {
    this.#end ??= { name: 'closed' }
  }

  /** Must be called for each transaction, in order, once it is in the file. */
  committed(changes: readonly Change[], head: number): void {
    this.#head = head
    this.#snapshots.note(changes)
    this.#followers.tell(changes.map(change => change.event))
  }

  read(query: ReadQuery): Promise<ReadResult> {
    const flawed = ({ topic, seq }: StoredEvent, flaw: string) => this.#note(topic, seq, flaw)
    return readPage({ epoch: this.epoch, head: this.#head, step: step => this.#ask('read', step), flawed }, query)
  }

  async get(topic: string): Promise<LogRecord | undefined> {
    const stored = await this.#ask('get', topic)
    return stored && this.#noted(storedRecord(stored))
  }

  async list(query: RecordQuery): Promise<RecordPage> {
    checkLimit(query.limit)
    const { records, nextPage } = await this.#ask('list', query)
    const found = records.map(record => this.#noted(storedRecord(record)))
    return { records: query.flawed === true ? found : found.filter(({ flaw }) => flaw === undefined), nextPage }
  }

  snapshot(patterns: readonly string[], scope: SnapshotScope = 'all'): Promise<Snapshot> {
    return new Promise((resolve, reject) => {
      this.#snapshots.take(patterns, scope, outcome => {
        if (outcome.status === 'error') return reject(this.#error(outcome))
        const records = outcome.records.filter(({ flaw }) => flaw === undefined)
        const cursor = this.head
        if (records.length === outcome.records.length) return resolve({ records, cursor })
        const flawed = outcome.records.filter(({ flaw }) => flaw !== undefined)
        resolve({ records, cursor, flawed: flawed.map(record => this.#noted(record).topic) })
      })
    })
  }

  follow(onBatch: (events: readonly FleetEvent[]) => void): Unfollow {
    return this.#followers.add(onBatch)
  }

  #noted(record: LogRecord): LogRecord {
    if (record.flaw !== undefined) this.#note(record.topic, record.version, record.flaw)
    return record
  }

  /** Reports each entry once, even if every snapshot comes across it. */
  #note(topic: string, seq: number, flaw: string): void {
    if (this.#flawed.has(seq) || this.#flawed.size >= MAX_FLAWS_TOLD) return
    this.#flawed.add(seq)
    this.#onFault(new FLW_ERR_LOG_ENTRY(topic, encodeCursor(this.epoch, seq), flaw))
  }

  #ask<K extends CallName>(call: K, args: Calls[K]['args']): Promise<Calls[K]['result']> {
    return new Promise((resolve, reject) => {
      this.#client.call(call, args, outcome => {
        if (outcome.status === 'ok') resolve(outcome.value)
        else reject(this.#error(outcome))
      })
    })
  }

  #error({ message, fatal }: Failure): Error {
    if (this.#end?.name === 'closed') return new FLW_ERR_LOG_CLOSED()
    return fatal ? new FLW_ERR_LOG_FAILED(message) : new Error(message)
  }
}
