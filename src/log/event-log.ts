/**
 * The one log. Everything observable is an event in it; every event has one place in one total order.
 * Two implementations pass one contract suite (test/contract/event-log.ts): SQLite, and the in-memory log of the
 * simulations (test/helpers/memory-log.ts).
 *
 * Topics that start with `$` are the server's own records (tokens, idempotency keys, uplink positions): they take part
 * in appends and followers receive them, but they are not events: `read` and `snapshot` never show them. The kind of
 * such a record is its first token. `$latest.<topic>` announces an event of that topic that is not kept; null ends it.
 */

/** An event to be appended. A draft on a record topic also replaces the record of that topic. */
export interface EventDraft {
  /** Wire type, such as `command:queued`. */
  type: string
  topic: string
  /** JSON. On a record topic: the whole current state of the entity. */
  payload: unknown
  /** The task that the event concerns, whatever its topic: the event also matches `tasks.<taskId>.>`. */
  taskId?: string
  /**
   * The agent that the event is about, if its topic does not name it (of a task, of an inbox): only those who may see
   * that agent get the event.
   */
  agentId?: string
  /**
   * `set` stores the payload as the record of the topic, `delete` removes the record. Absent: the topic has no record.
   */
  record?: 'set' | 'delete'
  /**
   * With `record: 'set'`: the record may be removed after this time, epoch ms, and until then is like any other.
   * Followers are not notified of the removal. Absent: it stays until it is deleted.
   */
  expiresAt?: number
  /**
   * The version that the record must have before the append; 0: there must be none. Any number of drafts may set this;
   * if one expectation fails, nothing is written.
   */
  expect?: number
}

/** A committed event. `seq` is its position in the order; it increases, with gaps. */
export interface FleetEvent {
  readonly seq: number
  readonly cursor: string
  readonly type: string
  readonly topic: string
  readonly at: number
  readonly taskId?: string
  readonly agentId?: string
  /** `payload` as JSON text, so that it is serialised once for the store and all receivers. */
  readonly json: string
  readonly payload: unknown
}

export interface LogRecord {
  readonly topic: string
  readonly type: string
  readonly at: number
  /** The `seq` of the append that wrote it; `expect` is compared with this. */
  readonly version: number
  readonly json: string
  readonly payload: unknown
  /**
   * Why no frame can carry this record, which an earlier version accepted. `payload` and `json` are then truncated to
   * what a frame can carry.
   */
  readonly flaw?: string
}

export type AppendResult =
  | { status: 'ok'; events: FleetEvent[] }
  /** An `expect` failed; `current` is the current record of the first draft that failed. Nothing was written. */
  | { status: 'conflict'; current: LogRecord | undefined }
  /**
   * The store cannot accept appends now (disk full, no leader). Nothing was written, with two exceptions. With
   * `mayBeWritten` it may have been, and `settled` resolves when that is known. If the store failed during the append,
   * only its next start shows whether it was.
   */
  | { status: 'unavailable'; retryAfterMs: number; reason: string; mayBeWritten?: boolean }

export interface ReadQuery {
  /** Patterns. An event that matches several of them is read once. */
  topics: readonly string[]
  /** Events after this cursor, oldest first. Default: from the oldest kept event. */
  after?: string
  /** Events before this cursor, newest first; null: from the newest. Excludes `after`. */
  before?: string | null
  limit: number
}

export type ReadResult =
  /**
   * `next` continues the read. At the end of a forward read (`done`), it is the head at the time of reading. A page of
   * large events may hold fewer than `limit` before the end. `flawed`: topics of events that were left out because no
   * frame can carry them.
   */
  | { status: 'ok'; events: FleetEvent[]; next: string; done: boolean; flawed?: readonly string[] }
  /**
   * The cursor left retention (events after it were removed), belongs to another log, or is ahead of this one. Reading
   * backward never expires: it ends at the oldest event that is kept.
   */
  | { status: 'gone'; reason: 'expired' | 'epoch' | 'ahead' | 'malformed' }

/** Selects records by the kind of their topic and by top-level fields of their payload. */
export interface RecordQuery {
  kind: string
  where?: {
    /**
     * The entity's own id: the token of the topic that names it (`commandId`, `agentId`, …; the last one of a `$`
     * topic).
     */
    id?: string
    agentId?: string | readonly string[]
    /**
     * Patterns of agent ids (`*` matches any characters): selects records of such agents, and those without an agent.
     */
    agentLike?: readonly string[]
    /** The payload's `status`, or `state` for the kinds that use that name (interactions). */
    status?: string | readonly string[]
    taskId?: string
    parentId?: string
    /** Only records with a payload `createdAt` after this, epoch ms. */
    createdAfter?: number
  }
  /** Include records that no frame can carry, truncated. Default: they are left out. */
  flawed?: boolean
  /** By the entity's id. Generated ids sort by time, so `desc` is newest first. Default `asc`. */
  order?: 'asc' | 'desc'
  limit: number
  /** The `nextPage` of the previous page; anything else gives an empty last page. */
  page?: string
}

export interface RecordPage {
  records: LogRecord[]
  nextPage: string | null
}

/** `active`: without records to which nothing more will happen (settledStatuses). */
export type SnapshotScope = 'all' | 'active'

export interface Snapshot {
  records: LogRecord[]
  /** The records are the state at exactly this position in the order. */
  cursor: string
  /** Topics of records that were left out because no frame can carry them. */
  flawed?: readonly string[]
}

export type Unfollow = () => void

export interface EventLog {
  /** Identifies this log: cursors of another epoch are `gone`. */
  readonly epoch: string
  /** The cursor of the newest event that this process has received. */
  readonly head: string
  /** Appends all or nothing. Resolves after it is durable and followers have been called. */
  append(drafts: readonly EventDraft[]): Promise<AppendResult>
  read(query: ReadQuery): Promise<ReadResult>
  /** The current record of a topic. */
  get(topic: string): Promise<LogRecord | undefined>
  list(query: RecordQuery): Promise<RecordPage>
  /**
   * Every record whose topic or task matches any of the patterns, with the cursor at which they were taken. Resolves
   * before followers receive anything after that cursor, so their state is never newer than the snapshot's.
   */
  snapshot(patterns: readonly string[], scope?: SnapshotScope): Promise<Snapshot>
  /**
   * Calls back with every event committed from now on, by any node, in order, once. A follower that throws does not
   * stop the others.
   */
  follow(onBatch: (events: readonly FleetEvent[]) => void): Unfollow
  /**
   * Resolves when the outcome of every append that was `unavailable` so far is known; whatever was written can then be
   * read. Absent: such appends are never written.
   */
  readonly settled?: (() => Promise<void>) | undefined
  /**
   * Resolves when this log has everything that clients may have received from other nodes, which may deliver it sooner.
   * Rejects if that cannot be established now. Absent: no other node delivers anything sooner.
   */
  readonly catchUp?: (() => Promise<void>) | undefined
  /** Idempotent. Appends in flight are settled first; later ones are `unavailable`, and later reads reject. */
  close(): Promise<void>
}
