import { matchEvent } from '@fleetwire/protocol'
import { isSettled, type RecordFields, recordIdentity } from '../../src/log/record-key.ts'
import { conflictOf } from '../../src/log/sqlite-drafts.ts'
import type {
  AppendOp,
  Calls,
  Committed,
  ReadStep,
  ReadStepResult,
  ScanStep,
  StoredEvent,
  StoredRecord,
} from '../../src/log/sqlite-messages.ts'

interface StoredEntry {
  record: StoredRecord
  n: number
  kind: string
  id: string
  taskId: string | null
  fields: RecordFields
  expiresAt: number | null
}

type ListQuery = Calls['list']['args']

/** The stored state of a log, which can be opened again: SQLite's tables as lists, with the same results. */
export class MemoryStore {
  readonly epoch: string
  head = 0
  /** The position of the newest removed event. */
  floor = 0
  events: StoredEvent[] = []
  /** The size of all event payloads. */
  bytes = 0
  readonly records = new Map<string, StoredEntry>()
  /** Number of records created so far, which orders records with the same id. */
  rows = 0

  constructor(epoch = 'test') {
    this.epoch = epoch
  }

  /** Returns the seq of the first draft, or the current record if another version was expected. */
  append(op: AppendOp): Committed['results'][number] {
    const conflict = conflictOf(op, topic => this.get(topic))
    if (conflict !== undefined) return conflict
    const { at, drafts } = op
    const first = this.head + 1
    for (const { type, topic, taskId, agentId, json, record } of drafts) {
      const seq = ++this.head
      if (!topic.startsWith('$')) {
        this.events.push({ seq, type, topic, at, taskId, agentId, json })
        this.bytes += Buffer.byteLength(json)
      }
      if (record === null) this.records.delete(topic)
      else if (record !== undefined) {
        const { expiresAt, ...fields } = record
        this.records.set(topic, {
          record: { topic, type, at, version: seq, json },
          n: this.records.get(topic)?.n ?? ++this.rows,
          ...recordIdentity(topic)!,
          ...{ taskId, fields, expiresAt },
        })
      }
    }
    return first
  }

  get(topic: string): StoredRecord | undefined {
    const entry = this.records.get(topic)
    return entry && { ...entry.record }
  }

  list({ kind, where = {}, order = 'asc', limit, page }: ListQuery): Calls['list']['result'] {
    const start = page === undefined ? undefined : PAGE.exec(page)
    if (start === null) return { records: [], nextPage: null }
    const sign = order === 'asc' ? 1 : -1
    const compare = (a: Place, b: Place) => sign * (a.id === b.id ? a.n - b.n : a.id < b.id ? -1 : 1)
    const after = start && { n: Number(start[1]), id: start[2]! }
    const found = [...this.records.values()]
      .filter(entry => entry.kind === kind && fits(entry, where) && (after === undefined || compare(entry, after) > 0))
      .sort(compare)
    const last = found.length > limit ? found[limit - 1] : undefined
    return {
      records: found.slice(0, limit).map(({ record }) => ({ ...record })),
      nextPage: last === undefined ? null : `${last.n}.${last.id}`,
    }
  }

  /** Scans all records in one step. */
  scan({ patterns, scope }: Omit<ScanStep, 'from'>): StoredRecord[] {
    return [...this.records.values()]
      .filter(({ record: { topic }, taskId }) => matches(patterns, topic, taskId))
      .filter(({ record }) => scope === 'all' || !isSettled(JSON.parse(record.json)))
      .map(({ record }) => ({ ...record }))
  }

  /** Reads all events in one step. */
  step({ topics, direction, from, limit }: Omit<ReadStep, 'maxBytes'>): ReadStepResult {
    const { events, floor, head } = this
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

  /** Removes events up to this position, like retention. */
  forget(seq: number): void {
    const kept = this.events.findIndex(event => event.seq > seq)
    const removed = this.events.splice(0, kept === -1 ? this.events.length : kept)
    for (const { json } of removed) this.bytes -= Buffer.byteLength(json)
    this.floor = removed.at(-1)?.seq ?? this.floor
  }

  /** Removes events beyond the retention's count and age, and expired records. */
  retain({ count, before, now }: { count: number; before: number; now: number }): void {
    const { events, records } = this
    const doomed = events.findIndex((event, i) => i >= events.length - count && event.at >= before)
    const last = doomed === -1 ? events.at(-1) : events[doomed - 1]
    if (last !== undefined) this.forget(last.seq)
    for (const [topic, { expiresAt }] of records) if (expiresAt !== null && expiresAt <= now) records.delete(topic)
  }
}

type Place = Pick<StoredEntry, 'id' | 'n'>
const PAGE = /^(\d+)\.(.*)$/s

/** The server's own topics match no pattern. */
function matches(patterns: readonly string[], topic: string, taskId: string | null): boolean {
  const event = { topic, ...(taskId !== null && { taskId }) }
  return !topic.startsWith('$') && patterns.some(pattern => matchEvent(pattern, event))
}

function fits({ id, fields }: StoredEntry, where: NonNullable<ListQuery['where']>): boolean {
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

/** The dot is the only character of ids that has a meaning in regular expressions. */
const glob = (pattern: string): RegExp => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`, 's')
