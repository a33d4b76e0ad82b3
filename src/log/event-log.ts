/**
 * The one log. Everything observable is an event in it; every event has one place in one total order.
 * Two implementations pass one contract suite (test/contract/event-log.ts): SQLite, and the one in memory under the
 * simulations (test/helpers/memory-log.ts).
 *
 * Topics that start with `$` are the server's own records (tokens, idempotency keys, uplink positions): they take part
 * in appends and are told to followers, but they are no events: `read` and `snapshot` never show them. The kind of
 * such a record is its first token.
 */

/** What a service asks to be appended. A draft on a record topic also replaces the record of that topic. */
export interface EventDraft {
  /** Wire type, such as `command:queued`. */
  type: string
  topic: string
  /** JSON. On a record topic: the entity's whole current state. */
  payload: unknown
  /** The task that the event concerns, whatever its topic: it then also matches `tasks.<taskId>.>`. */
  taskId?: string
  /** The agent that the event is about, where its topic does not say so (of a task, of an inbox): who may not see that agent does not get the event. */
  agentId?: string
  /** `set` stores the payload as the record of the topic, `delete` removes the record; absent: the topic has none. */
  record?: 'set' | 'delete'
  /**
   * With `record: 'set'`: the record may be swept after this time, epoch ms, and until then stands like any other. Nobody
   * is told of the sweep. Absent: it stays until it is deleted.
   */
  expiresAt?: number
  /** The version that the record must have now; 0: there must be none. Only on the first draft of an append. */
  expect?: number
}

/** A committed event. `seq` is its place in the order: it grows, with gaps. */
export interface FleetEvent {
  readonly seq: number
  readonly cursor: string
  readonly type: string
  readonly topic: string
  readonly at: number
  readonly taskId?: string
  readonly agentId?: string
  /** `payload` as JSON text, so that it is serialised once for the store and for every receiver. */
  readonly json: string
  readonly payload: unknown
}

export interface LogRecord {
  readonly topic: string
  readonly type: string
  readonly at: number
  /** `seq` of the append that wrote it; what `expect` is compared with. */
  readonly version: number
  readonly json: string
  readonly payload: unknown
  /** Why no frame can carry it: an earlier version took it. `payload` and `json` are then cut to what can be carried. */
  readonly flaw?: string
}

export type AppendResult =
  | { status: 'ok'; events: FleetEvent[] }
  /** `expect` did not hold; `current` is what stands there now. Nothing was written. */
  | { status: 'conflict'; current: LogRecord | undefined }
  /**
   * The store cannot accept now (disk full, no leader). Nothing was written; only when the store was lost with the
   * append in flight is that unknown, and a later start shows whether it was.
   */
  | { status: 'unavailable'; retryAfterMs: number; reason: string }

export interface ReadQuery {
  /** Patterns; an event that matches any of them is read once. */
  topics: readonly string[]
  /** Events after this cursor, oldest first. Default: from the oldest kept. */
  after?: string
  /** Events before this cursor, newest first; null: from the newest. Excludes `after`. */
  before?: string | null
  limit: number
}

export type ReadResult =
  /**
   * `next` continues the reading. Forward it is, at the end (`done`), the head at the time of reading. A page may hold
   * fewer events than `limit` before the end, where they are large. `flawed`: topics of events that were left out, for
   * no frame can carry them.
   */
  | { status: 'ok'; events: FleetEvent[]; next: string; done: boolean; flawed?: readonly string[] }
  /**
   * The cursor left retention (events after it were removed), belongs to another log, or is ahead of this one.
   * Reading back never expires: it ends at the oldest event kept.
   */
  | { status: 'gone'; reason: 'expired' | 'epoch' | 'ahead' | 'malformed' }

/** Selects records by the kind of their topic; fields compare with the top-level fields of the payload. */
export interface RecordQuery {
  kind: string
  where?: {
    /** The entity's own id: the token of the topic that names it (`commandId`, `agentId`, …, the last one of a `$` topic). */
    id?: string
    agentId?: string | readonly string[]
    /** Patterns of agent ids, `*` for any characters: records of such agents, and those of no agent. */
    agentLike?: readonly string[]
    /** Payload `status`, or `state` for the kinds that call it so (interactions). */
    status?: string | readonly string[]
    taskId?: string
    parentId?: string
    /** Payload `createdAt` strictly after this, epoch ms. */
    createdAfter?: number
  }
  /** Also records that no frame can carry, cut; default: they are left out. */
  flawed?: boolean
  /** By the entity's id: generated ids are sortable by time, so `desc` is newest first. Default `asc`. */
  order?: 'asc' | 'desc'
  limit: number
  /** `nextPage` of the page before; anything else is an empty last page. */
  page?: string
}

export interface RecordPage {
  records: LogRecord[]
  nextPage: string | null
}

/** `active`: without records in which nothing more happens (settledStatuses). */
export type SnapshotScope = 'all' | 'active'

export interface Snapshot {
  records: LogRecord[]
  /** The records are the state at exactly this place in the order. */
  cursor: string
  /** Topics of the records that were left out, for no frame can carry them. */
  flawed?: readonly string[]
}

export type Unfollow = () => void

export interface EventLog {
  /** Names this log: cursors of another epoch are `gone`. */
  readonly epoch: string
  /** The cursor of the newest event this process has been told of. */
  readonly head: string
  /** All or nothing, at its place in the order; resolves after it is durable and after followers were told. */
  append(drafts: readonly EventDraft[]): Promise<AppendResult>
  read(query: ReadQuery): Promise<ReadResult>
  /** The current record of a topic. */
  get(topic: string): Promise<LogRecord | undefined>
  list(query: RecordQuery): Promise<RecordPage>
  /**
   * Every record whose topic, or whose task, matches any of the patterns, with the cursor they were taken at. It resolves
   * before followers are told of anything after that cursor: what they hold then is of the same moment, or older.
   */
  snapshot(patterns: readonly string[], scope?: SnapshotScope): Promise<Snapshot>
  /** Every committed event from now on, of every node, in order, once. A throwing follower does not stop the others. */
  follow(onBatch: (events: readonly FleetEvent[]) => void): Unfollow
  /** Idempotent. Appends in flight are settled first; later ones are `unavailable`, later reads reject. */
  close(): Promise<void>
}
