import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../clock.ts'
import { FLW_ERR_LOG_CLOSED, FLW_ERR_LOG_ENTRY, FLW_ERR_LOG_FAILED } from '../errors.ts'
import { encodeCursor } from './cursor.ts'
import { storedRecord } from './entries.ts'
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
import { Followers } from './followers.ts'
import { type Failure, type StartWorker, WorkerClient } from './sqlite-client.ts'
import { type Change, GroupCommit, unavailable } from './sqlite-group-commit.ts'
import type { CallName, Calls, StoredEvent, WorkerOptions } from './sqlite-messages.ts'
import { checkLimit, readPage } from './sqlite-paging.ts'
import { type Retention, RetentionSweeper } from './sqlite-retention.ts'
import { Snapshots } from './sqlite-snapshot.ts'

const MAX_QUEUE_BYTES = 64 * 1024 * 1024
/** How many entries that no frame can carry are reported. */
const MAX_FLAWS_TOLD = 1000
const RETENTION_INTERVAL_MS = 10_000

export interface SqliteLogOptions {
  /** The folder of the log; created if absent. */
  dir: string
  clock: Clock
  retention: Retention
  /** How often retention runs by itself. Default 10 s. */
  retentionIntervalMs?: number
  /** The largest size of the database file. Above it appends are `unavailable` until retention has made room. */
  maxFileBytes?: number
  /** How many bytes of appends may wait for the disk. Above it they are `unavailable`. Default 64 MiB. */
  maxQueueBytes?: number
  /**
   * Called for faults that no caller is told of: FLW_ERR_LOG_FAILED once if the log is lost, and errors of followers
   * and of retention.
   */
  onFault?: (error: Error) => void
  /** Called with one sentence about something that is no fault but that people may act on. */
  onNote?: (message: string) => void
  /** Starts the thread that owns the file. Tests substitute one that they can end or make lie. */
  startWorker?: StartWorker
}

/**
 * The log of one process, in SQLite files in a folder of its own. Throws FLW_ERR_LOG_LOCKED, FLW_ERR_LOG_CORRUPT,
 * FLW_ERR_LOG_NEWER or FLW_ERR_LOG_OPEN; the files are then unchanged.
 */
export async function openSqliteLog(options: SqliteLogOptions): Promise<SqliteLog> {
  const { dir, maxFileBytes, startWorker = startLogWorker } = options
  const client = await WorkerClient.open(startWorker, maxFileBytes === undefined ? { dir } : { dir, maxFileBytes })
  return new SqliteLog(client, options)
}

function startLogWorker(workerData: WorkerOptions): Worker {
  // The extension of this file: compiled, or as source when Node strips types.
  const file = new URL(`./sqlite-worker${extname(import.meta.url)}`, import.meta.url)
  return new Worker(file, { workerData, name: 'fleetwire-log' })
}

/** How the log ended: on request, or by a fault of the store. */
type End = { name: 'closed' } | { name: 'failed'; reason: string }

export class SqliteLog implements EventLog {
  readonly epoch: string
  readonly #client: WorkerClient
  readonly #clock: Clock
  readonly #followers: Followers
  readonly #commits: GroupCommit
  readonly #snapshots: Snapshots
  readonly #sweeper: RetentionSweeper
  readonly #flawed = new Set<number>()
  readonly #onFault: (error: Error) => void
  #head: number
  #end: End | undefined
  #closing: Promise<void> | undefined

  /** Use openSqliteLog. */
  constructor(client: WorkerClient, options: SqliteLogOptions) {
    const { clock, retention, onFault = () => {}, onNote = () => {} } = options
    this.epoch = client.epoch
    this.#head = client.head
    this.#client = client
    this.#onFault = onFault
    this.#clock = clock
    this.#followers = new Followers(onFault)
    this.#snapshots = new Snapshots(client)
    this.#commits = new GroupCommit({
      client,
      maxQueueBytes: options.maxQueueBytes ?? MAX_QUEUE_BYTES,
      onCommitted: (changes, head) => this.#committed(changes, head),
    })
    const intervalMs = options.retentionIntervalMs ?? RETENTION_INTERVAL_MS
    this.#sweeper = new RetentionSweeper({ client, clock, retention, intervalMs, onFault, onNote })
    this.#sweeper.start()
    client.onDown(reason => {
      this.#end = { name: 'failed', reason }
      this.#sweeper.stop()
      onFault(new FLW_ERR_LOG_FAILED(reason))
    })
  }

  get head(): string {
    return encodeCursor(this.epoch, this.#head)
  }

  append(drafts: readonly EventDraft[]): Promise<AppendResult> {
    if (this.#end !== undefined) return Promise.resolve(unavailable(describe(this.#end)))
    if (drafts.length === 0) return Promise.resolve({ status: 'ok', events: [] })
    return this.#commits.append(drafts, this.#clock.now())
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

  /** Events in the log and bytes of their payloads, as of the last sweep, and the limit in bytes. */
  get usage(): { events: number; bytes: number; limitBytes: number } {
    return this.#sweeper.usage
  }

  /** Runs retention now; it also runs by itself. Resolves when nothing is left to remove. */
  retain(): Promise<void> {
    return this.#sweeper.run()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#end ??= { name: 'closed' }
    this.#sweeper.stop()
    await this.#commits.idle()
    await this.#client.close()
  }

  #committed(changes: readonly Change[], head: number): void {
    this.#head = head
    this.#snapshots.note(changes)
    this.#followers.tell(changes.map(change => change.event))
  }

  #noted(record: LogRecord): LogRecord {
    if (record.flaw !== undefined) this.#note(record.topic, record.version, record.flaw)
    return record
  }

  /** Reported once per entry, which may be met with every snapshot. */
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

const describe = (end: End): string =>
  end.name === 'closed' ? 'the log is closed' : `the log has failed: ${end.reason}`
