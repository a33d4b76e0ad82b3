import { matchesAny, planPatterns } from './pattern-plan.ts'
import type { Database, Statement } from './sqlite-driver.ts'
import type { ReadStep, ReadStepResult, StoredEvent } from './sqlite-messages.ts'

/** Maximum number of rows that one step examines, so that appends wait only a few ms. */
const STEP_ROWS = 2000
/**
 * Each row is matched against every pattern, so with many patterns a step examines fewer rows, but at least this many.
 */
const MIN_STEP_ROWS = 250
/** The least number of rows taken from one index at a time. */
const MIN_INDEX_ROWS = 32

type Direction = ReadStep['direction']

interface Bounds {
  floor: number
  head: number
}

interface Candidate {
  seq: number
  topic: string
  task: string | null
  bytes: number
}

/** Where candidates come from: all events, or one index of them. */
interface Source {
  statement: Statement
  key: string | null
}

type Statements = Record<'all' | 'topics' | 'scopes' | 'tasks', Statement>

/** Reads pages of events in steps of bounded work. */
export class EventReader {
  /** Selects by a JSON array of seqs: one call for a page costs a quarter of one call per event. */
  readonly #rows: Statement
  readonly #statements: Record<Direction, Statements>

  constructor(db: Database) {
    this.#rows = db.prepare(`
      SELECT seq, events.type, name AS topic, at, task AS taskId, agent AS agentId, payload AS json
      FROM json_each(?) CROSS JOIN events ON seq = value JOIN names ON names.id = events.topic`)
    const directed = (beyond: string, order: string): Statements => {
      const where = (condition: string) =>
        db.prepare(`
          SELECT seq, name AS topic, task, octet_length(payload) AS bytes FROM events CROSS JOIN names ON names.id = events.topic
          WHERE ${condition} AND seq ${beyond} ? ORDER BY seq ${order} LIMIT ?`)
      return {
        all: where('? IS NULL'),
        topics: where('events.topic = (SELECT id FROM names WHERE name = ?)'),
        scopes: where('events.scope = (SELECT id FROM names WHERE name = ?)'),
        tasks: where('events.task = ?'),
      }
    }
    this.#statements = { forward: directed('>', 'ASC'), back: directed('<', 'DESC') }
  }

  step(query: ReadStep, { floor, head }: Bounds): ReadStepResult {
    const { direction, topics, limit, maxBytes } = query
    if (direction === 'forward' && query.from !== null && query.from < floor) return { status: 'expired' }
    const sources = this.#sources(topics, direction)
    const due: number[] = []
    let bytes = 0
    let at = query.from ?? (direction === 'forward' ? floor : head + 1)
    const result = (at: number, done: boolean): ReadStepResult => ({
      status: 'ok',
      events: this.#fetch(due),
      at,
      done,
      head,
    })
    let rows = Math.max(MIN_STEP_ROWS, Math.ceil(STEP_ROWS / topics.length))
    // If most rows match, this first batch is the whole page.
    let take = Math.min(rows, limit + 1)
    while (rows > 0) {
      const found = candidates(sources, direction, at, take)
      for (const { seq, topic, task, bytes: size } of found.rows) {
        if (!matchesAny(topics, topic, task)) continue
        if (due.length === limit || bytes >= maxBytes) return result(due.at(-1)!, false)
        due.push(seq)
        bytes += size
      }
      if (found.end === null) return result(direction === 'forward' ? head : floor, true)
      at = found.end
      rows -= found.rows.length
      take = rows
    }
    return result(at, false)
  }

  #fetch(seqs: number[]): StoredEvent[] {
    return this.#rows.all(JSON.stringify(seqs)) as unknown as StoredEvent[]
  }

  /** A quiet topic in a big log is found by its index; patterns that may match anywhere require reading every event. */
  #sources(patterns: readonly string[], direction: Direction): Source[] {
    const statements = this.#statements[direction]
    const plan = planPatterns(patterns)
    if (plan.kind === 'everything') return [{ statement: statements.all, key: null }]
    return (['topics', 'scopes', 'tasks'] as const).flatMap(place =>
      plan[place].map(key => ({ statement: statements[place], key })),
    )
  }
}

/**
 * The next rows of all sources after (or before) a position, in reading order, up to and including `end`; null: there
 * is nothing beyond. A source that returned as many rows as requested may have more, so the merge is complete only up
 * to the nearest such row.
 */
function candidates(sources: Source[], direction: Direction, from: number, take: number) {
  const most = Math.max(MIN_INDEX_ROWS, Math.ceil(take / sources.length))
  const sign = direction === 'forward' ? 1 : -1
  const merged = new Map<number, Candidate>()
  let end: number | null = null
  for (const { statement, key } of sources) {
    const rows = statement.all(key, from, most) as unknown as Candidate[]
    for (const row of rows) merged.set(row.seq, row)
    const last = rows.length === most ? rows.at(-1)!.seq : null
    if (last !== null && (end === null || (last - end) * sign < 0)) end = last
  }
  const whole = [...merged.values()].filter(({ seq }) => end === null || (seq - end) * sign <= 0)
  return { rows: whole.sort((a, b) => (a.seq - b.seq) * sign), end }
}
