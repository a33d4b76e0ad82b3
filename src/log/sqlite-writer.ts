import { scopeOf } from './pattern-plan.ts'
import { recordIdentity } from './record-key.ts'
import { conflictOf } from './sqlite-drafts.ts'
import type { Database, Statement } from './sqlite-driver.ts'
import type { AppendOp, Committed, RetainStep, StoredDraft, StoredRecord } from './sqlite-messages.ts'
import { NameTable } from './sqlite-names.ts'
import { rollback } from './sqlite-schema.ts'

/** Maximum number of rows that one retention transaction removes, so that appends wait only briefly. */
const RETENTION_CHUNK = 200
/** The same limit in bytes: a few large events take as long as many small ones. */
const RETENTION_CHUNK_BYTES = 4 * 1024 * 1024
/** How often the believed time is stored while retention has nothing else to write. */
const BELIEVED_EVERY_MS = 60 * 60_000

export type RetainResult = { more: boolean; events: number; bytes: number }

/** The operations that change the log within a transaction. */
export interface WriteAccess {
  readonly head: number
  append(op: AppendOp): Committed['results'][number]
  retain(step: RetainStep): RetainResult
}

interface Oldest {
  seq: number
  topic: number
  scope: number
  at: number
  bytes: number
}

interface Meta {
  epoch: string
  head: number
  floor: number
  events: number
  bytes: number
  believedAt: number | null
}

/** Everything that changes the file. Each method is one transaction; if it throws, it has changed nothing. */
export class LogWriter {
  readonly #db: Database
  readonly #names: NameTable
  #meta: Meta
  readonly #begin: Statement
  readonly #commit: Statement
  readonly #saveMeta: Statement
  readonly #insertEvent: Statement
  readonly #selectRecord: Statement
  readonly #setRecord: Statement
  readonly #deleteRecord: Statement
  readonly #oldestEvents: Statement
  readonly #deleteEvents: Statement
  readonly #deleteExpired: Statement
  readonly #anyExpired: Statement

  constructor(db: Database) {
    this.#db = db
    this.#names = new NameTable(db)
    this.#meta = readMeta(db)
    this.#begin = db.prepare('BEGIN IMMEDIATE')
    this.#commit = db.prepare('COMMIT')
    this.#saveMeta = db.prepare('UPDATE meta SET head = ?, floor = ?, events = ?, bytes = ?, believed_at = ?')
    this.#insertEvent = db.prepare(
      'INSERT INTO events (seq, topic, scope, task, agent, type, at, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    this.#selectRecord = db.prepare('SELECT topic, type, at, version, payload AS json FROM records WHERE topic = ?')
    this.#setRecord = db.prepare(`
      INSERT INTO records (topic, kind, id, version, type, at, task, expires_at,
        agent_id, status, task_id, parent_id, created_at, payload)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (topic) DO UPDATE SET version = excluded.version, type = excluded.type, at = excluded.at,
        task = excluded.task, expires_at = excluded.expires_at, agent_id = excluded.agent_id, status = excluded.status,
        task_id = excluded.task_id, parent_id = excluded.parent_id, created_at = excluded.created_at,
        payload = excluded.payload`)
    this.#deleteRecord = db.prepare('DELETE FROM records WHERE topic = ?')
    this.#oldestEvents = db.prepare(
      'SELECT seq, topic, scope, at, octet_length(payload) AS bytes FROM events ORDER BY seq LIMIT ?',
    )
    this.#deleteEvents = db.prepare('DELETE FROM events WHERE seq <= ?')
    this.#deleteExpired = db.prepare(
      'DELETE FROM records WHERE n IN (SELECT n FROM records WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)',
    )
    this.#anyExpired = db.prepare('SELECT 1 FROM records WHERE expires_at <= ? LIMIT 1')
  }

  get epoch(): string {
    return this.#meta.epoch
  }

  get head(): number {
    return this.#meta.head
  }

  /** Epoch ms; null in a new log. */
  get believedAt(): number | null {
    return this.#meta.believedAt
  }

  get floor(): number {
    return this.#meta.floor
  }

  /**
   * Runs all operations in order in one transaction. An operation's expectations are checked before any of it is
   * written, so a failed one leaves nothing to undo. They see the effects of the operations before it.
   */
  commit(ops: AppendOp[]): Committed {
    return this.#transaction(meta => ({
      results: ops.map(op => this.#append(meta, op)),
      head: meta.head,
    }))
  }

  /**
   * Removes one chunk: the oldest events over `count` or `bytes` or older than `before`, and expired records. Events
   * are removed strictly from the oldest, so that one number, the floor, says exactly what is missing. An event with a
   * time in the future (the clock jumped) keeps later events from ageing out, but not from being removed by count.
   */
  retain(step: RetainStep): RetainResult {
    return this.#transaction(meta => this.#retain(meta, step))
  }

  /** Whether `retain` would change anything. */
  due({ count, bytes, before, now }: RetainStep): { due: boolean; events: number; bytes: number } {
    const { believedAt, ...usage } = this.#meta
    const [oldest] = this.#oldestEvents.all(1) as unknown as Oldest[]
    const due =
      usage.events > count ||
      usage.bytes > bytes ||
      (oldest !== undefined && oldest.at < before) ||
      now - (believedAt ?? 0) >= BELIEVED_EVERY_MS ||
      this.#anyExpired.get(now) !== undefined
    return { due, events: usage.events, bytes: usage.bytes }
  }

  /** Several changes in one transaction. */
  transact<T>(body: (access: WriteAccess) => T): T {
    return this.#transaction(meta =>
      body({
        get head() {
          return meta.head
        },
        append: op => this.#append(meta, op),
        retain: step => this.#retain(meta, step),
      }),
    )
  }

  #retain(meta: Meta, { count, bytes, before, now }: RetainStep): RetainResult {
    const over = meta.events - count
    const oldest = this.#oldestEvents.all(RETENTION_CHUNK) as unknown as Oldest[]
    let removed = 0
    let isCut = false
    const kept = oldest.findIndex((event, i) => {
      if (i >= over && meta.bytes - removed <= bytes && event.at >= before) return true
      isCut = removed >= RETENTION_CHUNK_BYTES
      if (!isCut) removed += event.bytes
      return isCut
    })
    const doomed = kept === -1 ? oldest : oldest.slice(0, kept)
    const last = doomed.at(-1)
    const { floor } = meta
    if (last !== undefined) {
      this.#deleteEvents.run(last.seq)
      this.#names.prune(new Set(doomed.flatMap(event => [event.topic, event.scope])))
      meta.floor = last.seq
      meta.events -= doomed.length
      meta.bytes -= removed
    }
    const expired = Number(this.#deleteExpired.run(now, RETENTION_CHUNK).changes)
    if (meta.floor !== floor || now - (meta.believedAt ?? 0) >= BELIEVED_EVERY_MS) meta.believedAt = now
    const more = isCut || doomed.length === RETENTION_CHUNK || expired === RETENTION_CHUNK
    return { more, events: meta.events, bytes: meta.bytes }
  }

  #append(meta: Meta, op: AppendOp): Committed['results'][number] {
    const conflict = conflictOf(op, topic => this.#selectRecord.get(topic) as StoredRecord | undefined)
    if (conflict !== undefined) return conflict
    const first = meta.head + 1
    for (const draft of op.drafts) {
      const seq = ++meta.head
      if (!draft.topic.startsWith('$')) {
        const topic = this.#names.idOf(draft.topic)
        const scope = this.#names.idOf(scopeOf(draft.topic))
        this.#insertEvent.run(seq, topic, scope, draft.taskId, draft.agentId, draft.type, op.at, draft.json)
        meta.events++
        meta.bytes += Buffer.byteLength(draft.json)
      }
      if (draft.record === null) this.#deleteRecord.run(draft.topic)
      else if (draft.record !== undefined) this.#set(seq, op.at, draft, draft.record)
    }
    return first
  }

  #set(seq: number, at: number, draft: StoredDraft, record: NonNullable<StoredDraft['record']>): void {
    const { kind, id } = recordIdentity(draft.topic)!
    this.#setRecord.run(
      draft.topic,
      kind,
      id,
      seq,
      draft.type,
      at,
      draft.taskId,
      record.expiresAt,
      record.agentId,
      record.status,
      record.taskId,
      record.parentId,
      record.createdAt,
      draft.json,
    )
  }

  /** Counters are changed on a copy, which replaces the original only once the transaction is on disk. */
  #transaction<T>(body: (meta: Meta) => T): T {
    const meta = { ...this.#meta }
    this.#begin.run()
    try {
      const result = body(meta)
      const { head, floor, believedAt } = this.#meta
      if (meta.head !== head || meta.floor !== floor || meta.believedAt !== believedAt) {
        this.#saveMeta.run(meta.head, meta.floor, meta.events, meta.bytes, meta.believedAt)
      }
      this.#commit.run()
      this.#meta = meta
      return result
    } catch (error) {
      rollback(this.#db)
      this.#names.forget()
      throw error
    }
  }
}

function readMeta(db: Database): Meta {
  return db
    .prepare('SELECT epoch, head, floor, events, bytes, believed_at AS believedAt FROM meta')
    .get() as unknown as Meta
}
