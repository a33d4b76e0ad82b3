import type { RecordPage, RecordQuery, SnapshotScope } from './event-log.ts'
import type { RecordFields } from './record-key.ts'

/** The messages between the main thread and the worker that owns the database. All of them are structured-cloned. */

export interface OpenOptions {
  dir: string
  maxFileBytes?: number
  /** The log is a replica of the one with this epoch. */
  replica?: { epoch: string }
}

export interface WorkerOptions extends OpenOptions {
  /** The memory of the gate at which process exit waits for the worker. */
  shared: SharedArrayBuffer
}

export interface StoredDraft {
  type: string
  topic: string
  json: string
  taskId: string | null
  agentId: string | null
  /** Present on `set`; `null` on `delete`. */
  record?: (RecordFields & { expiresAt: number | null }) | null
}

export interface AppendOp {
  at: number
  /** The versions that the records of some drafts must have before the append. */
  expects?: { draft: number; version: number }[]
  drafts: StoredDraft[]
}

/**
 * All appends of one commit as one flat list (sqlite-packing.ts). Copying it between threads takes a third of the time
 * of one object per draft, since no field names are serialised.
 */
export type PackedAppends = (string | number | null)[]

export interface StoredEvent {
  seq: number
  type: string
  topic: string
  at: number
  taskId: string | null
  agentId: string | null
  json: string
}

export interface StoredRecord {
  topic: string
  type: string
  at: number
  version: number
  json: string
}

export interface Committed {
  /** Per operation, in order: the seq of its first draft, or the current record of the first draft that expected another version. */
  results: (number | { current: StoredRecord | undefined })[]
  head: number
}

/**
 * The state of a replica: the position of the last commit that it has, the current leader and its term, and the time of
 * the last append.
 */
export interface ReplicaState {
  position: number
  term: number
  /** JSON. */
  leader: string
  /** Epoch ms; 0 before the first append. */
  at: number
}

/** The change of one commit. The expectations of appends were already checked and are gone. */
export type ReplicaChange =
  | { kind: 'appends'; first: number; packed: PackedAppends }
  | { kind: 'retain'; step: RetainStep }
  | { kind: 'lead'; term: number; leader: string }

export interface ReplicaCommit {
  position: number
  change: ReplicaChange
}

export interface AppliedCommits {
  /** Per commit; null except for retention. */
  results: (Calls['retain']['result'] | null)[]
  believedAt: number | null
}

/** One bounded step of a read. The main thread calls again from `at` while it wants more. */
export interface ReadStep {
  topics: readonly string[]
  direction: 'forward' | 'back'
  /** Exclusive. Forward from the oldest kept, or backward from the newest: null. */
  from: number | null
  limit: number
  maxBytes: number
}

export type ReadStepResult =
  | { status: 'ok'; events: StoredEvent[]; at: number; done: boolean; head: number }
  /** Retention removed events after `from` that were not read. */
  | { status: 'expired' }

/** Where a scan of records is: within its n-th range, after this topic. */
export interface ScanPosition {
  range: number
  after: string
}

export interface ScanStep {
  patterns: readonly string[]
  scope: SnapshotScope
  from: ScanPosition | null
}

export interface ScanStepResult {
  records: StoredRecord[]
  /** Null: the scan is complete. */
  next: ScanPosition | null
}

export interface RetainStep {
  /** Keep at most this many events, and this many bytes of their payloads. */
  count: number
  bytes: number
  /** Remove events older than this, epoch ms. */
  before: number
  /** Remove records that expired at or before this, epoch ms. */
  now: number
}

/** Every call with its argument and result. */
export interface Calls {
  commit: { args: PackedAppends; result: Committed }
  read: { args: ReadStep; result: ReadStepResult }
  get: { args: string; result: StoredRecord | undefined }
  list: { args: RecordQuery; result: Omit<RecordPage, 'records'> & { records: StoredRecord[] } }
  scan: { args: ScanStep; result: ScanStepResult }
  /** One chunk; `more`: there is more to remove. */
  retain: { args: RetainStep; result: { more: boolean; events: number; bytes: number } }
  /** The current records of topics, in their order. */
  current: { args: readonly string[]; result: (StoredRecord | undefined)[] }
  /** On a replica only. */
  apply: { args: readonly ReplicaCommit[]; result: AppliedCommits }
  /** Whether `retain` would change anything. */
  due: { args: RetainStep; result: { due: boolean; events: number; bytes: number } }
  /** The last call: the worker ends after its reply. */
  close: { args: null; result: null }
}
export type CallName = keyof Calls

export type Request = { [K in CallName]: { call: K; args: Calls[K]['args'] } }[CallName]

/** Replies come in the order of the requests. The first message is `opened` or `refused`. */
export type Reply =
  | { status: 'opened'; epoch: string; head: number; believedAt: number | null; replica: ReplicaState | null }
  | { status: 'refused'; refusal: Refusal }
  | { status: 'ok'; value: Calls[CallName]['result'] }
  /** `fatal`: the file is no longer reliable. Otherwise nothing was changed, and the same call may succeed later. */
  | { status: 'error'; message: string; fatal: boolean }

/** Why a log cannot be opened. Each is an error of errors.ts, which takes `args`. */
export interface Refusal {
  code: 'FLW_ERR_LOG_LOCKED' | 'FLW_ERR_LOG_CORRUPT' | 'FLW_ERR_LOG_NEWER' | 'FLW_ERR_LOG_OPEN'
  args: string[]
}
