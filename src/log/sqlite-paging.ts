import { decodeCursor, encodeCursor } from './cursor.ts'
import { storedEvent } from './entries.ts'
import { flawOf } from './entry-depth.ts'
import type { FleetEvent, ReadQuery, ReadResult } from './event-log.ts'
import type { ReadStep, ReadStepResult, StoredEvent } from './sqlite-messages.ts'

/** A page ends early when its payloads reach this size, whatever the limit. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

export interface PagingSource {
  readonly epoch: string
  /** The seq of the newest event that followers have received. */
  readonly head: number
  step(query: ReadStep): Promise<ReadStepResult>
  /** Called for each event that no frame can carry. */
  flawed(event: StoredEvent, flaw: string): void
}

/** Reads one page in bounded steps, so that commits can run in between. Throws TypeError for an invalid query. */
export async function readPage(source: PagingSource, query: ReadQuery): Promise<ReadResult> {
  const { topics, after, before, limit } = query
  checkLimit(limit)
  if (after !== undefined && before !== undefined) throw new TypeError('A page is either after or before a cursor')
  const direction = before === undefined ? 'forward' : 'back'
  const start = position(source, after ?? before ?? null)
  if (typeof start === 'string') return { status: 'gone', reason: start }

  const events: FleetEvent[] = []
  const flawed: string[] = []
  const page = (seq: number, done: boolean): ReadResult => ({
    status: 'ok',
    events,
    next: encodeCursor(source.epoch, seq),
    done,
    ...(flawed.length > 0 && { flawed }),
  })
  let from = start
  let maxBytes = MAX_PAGE_BYTES
  for (;;) {
    const result = await source.step({ topics, direction, from, limit: limit - events.length, maxBytes })
    if (result.status === 'expired') {
      // Retention overtook this page. What was read is complete up to `from`; the next page will report the gap.
      if (events.length > 0 && from !== null) return page(from, false)
      if (after !== undefined) return { status: 'gone', reason: 'expired' }
      from = null
      continue
    }
    for (const stored of result.events) {
      const flaw = flawOf(stored.json)
      if (flaw === undefined) events.push(storedEvent(source.epoch, stored))
      else {
        flawed.push(stored.topic)
        source.flawed(stored, flaw)
      }
      maxBytes -= stored.json.length
    }
    if (result.done) return page(direction === 'forward' ? result.head : result.at, true)
    if (events.length === limit || maxBytes <= 0) return page(result.at, false)
    from = result.at
  }
}

export function checkLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new TypeError(`Not a page limit: ${limit}`)
}

/** Null: start from the end of the log at which the direction begins. */
function position(
  { epoch, head }: PagingSource,
  cursor: string | null,
): number | null | 'malformed' | 'epoch' | 'ahead' {
  if (cursor === null) return null
  const decoded = decodeCursor(cursor)
  if (decoded === undefined) return 'malformed'
  if (decoded.epoch !== epoch) return 'epoch'
  return decoded.seq > head ? 'ahead' : decoded.seq
}
