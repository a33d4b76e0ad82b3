import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../clock.ts'
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
import { type StartWorker, WorkerClient } from './sqlite-client.ts'
import { GroupCommit, unavailable } from './sqlite-group-commit.ts'
import type { WorkerOptions } from './sqlite-messages.ts'
import { packAppends } from './sqlite-packing.ts'
import { type Retention, RetentionSweeper } from './sqlite-retention.ts'
import { SqliteStore } from './sqlite-store.ts'

export const MAX_QUEUE_BYTES = 64 * 1024 * 1024
export const RETENTION_INTERVAL_MS = 10_000

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
   * Called for faults that are reported to no caller: FLW_ERR_LOG_FAILED once if the log is lost, and errors of
   * followers and of retention.
   */
  onFault?: (error: Error) => void
  /** Called with one sentence about something that is not a fault but that people may act on. */
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

export function startLogWorker(workerData: WorkerOptions): Worker {
  // The extension of this file: compiled, or as source when Node strips types.
  const file = new URL(`./sqlite-worker${extname(import.meta.url)}`, import.meta.url)
  return new Worker(file, { workerData, name: 'fleetwire-log' })
}

export class SqliteLog implements EventLog {
  readonly epoch: string
  readonly #client: WorkerClient
  readonly #clock: Clock
  readonly #store: SqliteStore
  readonly #commits: GroupCommit
  readonly #sweeper: RetentionSweeper
  #closing: Promise<void> | undefined

  /** Use openSqliteLog. */
  constructor(client: WorkerClient, options: SqliteLogOptions) {
    const { clock, retention, onFault = () => {}, onNote = () => {} } = options
    this.epoch = client.epoch
    this.#client = client
    this.#clock = clock
    this.#store = new SqliteStore(client, onFault, () => this.#sweeper.stop())
    this.#commits = new GroupCommit({
      epoch: client.epoch,
      commit: (ops, onDone) => client.call('commit', packAppends(ops), onDone),
      maxQueueBytes: options.maxQueueBytes ?? MAX_QUEUE_BYTES,
      onCommitted: (changes, head) => this.#store.committed(changes, head),
    })
    const intervalMs = options.retentionIntervalMs ?? RETENTION_INTERVAL_MS
    this.#sweeper = new RetentionSweeper({ client, clock, retention, intervalMs, onFault, onNote })
    this.#sweeper.start()
  }

  get head(): string {
    return this.#store.head
  }

  append(drafts: readonly EventDraft[]): Promise<AppendResult> {
    const { ended } = this.#store
    if (ended !== undefined) return Promise.resolve(unavailable(ended))
    if (drafts.length === 0) return Promise.resolve({ status: 'ok', events: [] })
    return this.#commits.append(drafts, this.#clock.now())
  }

  read(query: ReadQuery): Promise<ReadResult> {
    return this.#store.read(query)
  }

  get(topic: string): Promise<LogRecord | undefined> {
    return this.#store.get(topic)
  }

  list(query: RecordQuery): Promise<RecordPage> {
    return this.#store.list(query)
  }

  snapshot(patterns: readonly string[], scope?: SnapshotScope): Promise<Snapshot> {
    return this.#store.snapshot(patterns, scope)
  }

  follow(onBatch: (events: readonly FleetEvent[]) => void): Unfollow {
    return this.#store.follow(onBatch)
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
    this.#store.end()
    this.#sweeper.stop()
    await this.#commits.idle()
    await this.#client.close()
  }
}
