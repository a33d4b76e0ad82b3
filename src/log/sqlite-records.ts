import { settledStatuses } from '@fleetwire/protocol'
import type { RecordQuery } from './event-log.ts'
import { matchesAny, planPatterns } from './pattern-plan.ts'
import type { Database, Statement } from './sqlite-driver.ts'
import type { Calls, ScanPosition, ScanStep, ScanStepResult, StoredRecord } from './sqlite-messages.ts'

const COLUMNS = 'topic, records.type, at, version, payload AS json'
/** How many rows and bytes one step of a scan may take. */
const SCAN_ROWS = 500
const SCAN_BYTES = 4 * 1024 * 1024
/** A filter with more values than this is checked row by row instead of looked up value by value. */
const MAX_LOOKUPS = 32

interface Key {
  id: string
  n: number
}

/** Reads records: a single one, a page of one kind, or, step by step, all that match patterns. */
export class RecordReader {
  readonly #db: Database
  readonly #byTopic: Statement
  /** Selects by a JSON array of row numbers: one call for a page costs a quarter of one call per record. */
  readonly #byNumbers: Statement
  readonly #ranges: Record<Range['kind'], Statement>
  /** Statements by their SQL: one per combination of filters. */
  readonly #lists = new Map<string, Statement>()

  constructor(db: Database) {
    this.#db = db
    this.#byTopic = db.prepare(`SELECT ${COLUMNS} FROM records WHERE topic = ?`)
    this.#byNumbers = db.prepare(`SELECT ${COLUMNS} FROM json_each(?) CROSS JOIN records ON n = value`)
    const range = (condition: string) =>
      db.prepare(
        `SELECT n, topic, task, status, octet_length(payload) AS bytes FROM records WHERE ${condition} AND topic > ? ORDER BY topic LIMIT ?`,
      )
    this.#ranges = {
      topic: range('topic = ?'),
      task: range('task = ?'),
      // `$` records are the server's own; there may be many of them, and no pattern matches one.
      below: range("topic < ? AND NOT (topic >= '$' AND topic < '%')"),
    }
  }

  get(topic: string): StoredRecord | undefined {
    return this.#byTopic.get(topic) as StoredRecord | undefined
  }

  /**
   * Looks up the most selective filter value by value, each in the index that begins with it and is ordered by id, and
   * merges the lists. Every other filter is checked on columns of the same index or row.
   */
  list({ kind, where = {}, order = 'asc', limit, page }: RecordQuery): Calls['list']['result'] {
    const start = page === undefined ? undefined : decodePage(page)
    if (start === null) return { records: [], nextPage: null }
    const filters = filtersOf(where)
    const lead = filters.find(
      (filter): filter is InFilter => filter.kind === 'in' && filter.values.length <= MAX_LOOKUPS,
    )
    const others = filters.filter(filter => filter !== lead)
    const statement = this.#statement(lead, others, order, start !== undefined)
    const keys: Key[] = []
    const rest = [...others.map(boundValue), ...(start === undefined ? [] : [start.id, start.n]), limit + 1]
    for (const value of lead?.values ?? [undefined]) {
      const bound = value === undefined ? [kind, ...rest] : [kind, value, ...rest]
      keys.push(...(statement.all(...bound) as unknown as Key[]))
    }
    const sign = order === 'asc' ? 1 : -1
    keys.sort((a, b) => sign * (a.id === b.id ? a.n - b.n : a.id < b.id ? -1 : 1))
    const wanted = keys.slice(0, limit)
    return {
      records: this.#fetch(wanted.map(key => key.n)),
      nextPage: keys.length > limit ? encodePage(wanted.at(-1)!) : null,
    }
  }

  /** One bounded step through the matching records. A record may be returned twice, by its topic and by its task. */
  scan({ patterns, scope, from }: ScanStep): ScanStepResult {
    const ranges = rangesOf(patterns)
    const due: number[] = []
    let rows = SCAN_ROWS
    let bytes = SCAN_BYTES
    let position: ScanPosition | null = from ?? startOf(ranges, 0)
    while (position !== null) {
      const { kind, key } = ranges[position.range]!
      const found = this.#ranges[kind].all(key, position.after, rows) as unknown as Candidate[]
      const whole: boolean = found.length < rows
      rows -= found.length
      for (const { n, topic, task, status, bytes: size } of found) {
        position.after = topic
        if (!matchesAny(patterns, topic, task)) continue
        if (scope === 'active' && status !== null && settledStatuses.has(status)) continue
        due.push(n)
        bytes -= size
        if (bytes <= 0) return { records: this.#fetch(due), next: position }
      }
      if (!whole) return { records: this.#fetch(due), next: position }
      position = startOf(ranges, position.range + 1)
    }
    return { records: this.#fetch(due), next: null }
  }

  #fetch(numbers: number[]): StoredRecord[] {
    return this.#byNumbers.all(JSON.stringify(numbers)) as unknown as StoredRecord[]
  }

  #statement(lead: InFilter | undefined, others: Filter[], order: 'asc' | 'desc', later: boolean): Statement {
    const conditions = ['kind = ?']
    if (lead !== undefined) conditions.push(`${lead.column} = ?`)
    for (const { column, kind } of others) {
      conditions.push(conditionOn(column, kind))
    }
    if (later) conditions.push(`(id, n) ${order === 'asc' ? '>' : '<'} (?, ?)`)
    // Names the index because the planner, without statistics, may choose one whose result must be sorted.
    const sql = `SELECT id, n FROM records INDEXED BY ${lead?.index ?? 'records_kind'}
      WHERE ${conditions.join(' AND ')} ORDER BY id ${order}, n ${order} LIMIT ?`
    let statement = this.#lists.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#lists.set(sql, statement)
    }
    return statement
  }
}

interface Candidate {
  n: number
  topic: string
  task: string | null
  status: string | null
  bytes: number
}

/** Records of one topic, of one task, or of all topics below a bound, each after a given topic. */
interface Range {
  kind: 'topic' | 'task' | 'below'
  key: string
  start: string
}

/** Greater than every topic. */
const END = '\u{10ffff}'

function rangesOf(patterns: readonly string[]): Range[] {
  const plan = planPatterns(patterns)
  if (plan.kind === 'everything') return [{ kind: 'below', key: END, start: '' }]
  return [
    ...plan.topics.map((key): Range => ({ kind: 'topic', key, start: '' })),
    // `/` follows `.`: all topics that begin with the scope and a dot.
    ...plan.scopes.map((scope): Range => ({ kind: 'below', key: `${scope}/`, start: `${scope}.` })),
    ...plan.tasks.map((key): Range => ({ kind: 'task', key, start: '' })),
  ]
}

function startOf(ranges: readonly Range[], range: number): ScanPosition | null {
  return range < ranges.length ? { range, after: ranges[range]!.start } : null
}

interface InFilter {
  kind: 'in'
  column: string
  /** Begins with the kind and the column, followed by the id. */
  index: string
  values: readonly string[]
}
type Filter =
  | InFilter
  | { kind: 'after'; column: string; value: number }
  | { kind: 'like'; column: string; patterns: readonly string[] }

/** The filters of a query, most selective first. */
function filtersOf({
  id,
  agentId,
  status,
  taskId,
  parentId,
  createdAfter,
  agentLike,
}: NonNullable<RecordQuery['where']>): Filter[] {
  const filters: Filter[] = []
  const add = (column: string, index: string, wanted: string | readonly string[] | undefined) => {
    if (wanted === undefined) return
    filters.push({ kind: 'in', column, index, values: typeof wanted === 'string' ? [wanted] : [...new Set(wanted)] })
  }
  add('id', 'records_kind', id)
  add('parent_id', 'records_parent', parentId)
  add('task_id', 'records_task', taskId)
  add('agent_id', 'records_agent', agentId)
  add('status', 'records_status', status)
  if (agentLike !== undefined) filters.push({ kind: 'like', column: 'agent_id', patterns: agentLike })
  if (createdAfter !== undefined) filters.push({ kind: 'after', column: 'created_at', value: createdAfter })
  return filters
}

/** Ids and their patterns contain no other characters that are special to GLOB. */
const GLOB = (column: string) =>
  `(${column} IS NULL OR EXISTS (SELECT 1 FROM json_each(?) AS pattern WHERE ${column} GLOB pattern.value))`

function conditionOn(column: string, kind: Filter['kind']): string {
  switch (kind) {
    case 'in':
      return `${column} IN (SELECT value FROM json_each(?))`
    case 'like':
      return GLOB(column)
    case 'after':
      return `${column} > ?`
  }
}

function boundValue(filter: Filter): string | number {
  switch (filter.kind) {
    case 'in':
      return JSON.stringify(filter.values)
    case 'like':
      return JSON.stringify(filter.patterns)
    case 'after':
      return filter.value
  }
}

const PAGE = /^([0-9a-z]{1,11})\.(.*)$/s

const encodePage = ({ id, n }: Key): string => `${n.toString(36)}.${id}`

/** Null for anything that `encodePage` cannot have made, since clients send these values back. */
function decodePage(page: string): Key | null {
  const match = PAGE.exec(page)
  return match === null ? null : { n: Number.parseInt(match[1]!, 36), id: match[2]! }
}
