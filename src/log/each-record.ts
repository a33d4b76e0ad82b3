import type { EventLog, LogRecord, RecordQuery } from './event-log.ts'

/** Default number of records per page: few enough for memory, and enough to keep calls cheap. */
const PAGE = 500

export interface ItemPage<T> {
  items: T[]
  /** Names the next page; null at the end. */
  nextCursor: string | null
}

type Query = Omit<RecordQuery, 'limit' | 'page'>

/** Every matching record, in the order of `query`, read a page at a time. The consumer may await between records. */
export async function* eachRecord(
  log: Pick<EventLog, 'list'>,
  query: Query,
  pageSize?: number,
): AsyncGenerator<LogRecord, void> {
  for await (const records of eachPage(log, query, pageSize)) yield* records
}

/** The same, page by page. */
export async function* eachPage(
  log: Pick<EventLog, 'list'>,
  query: Query,
  pageSize = PAGE,
): AsyncGenerator<LogRecord[], void> {
  let page: string | null | undefined
  do {
    const { records, nextPage } = await log.list({ ...query, limit: pageSize, ...(page != null && { page }) })
    yield records
    page = nextPage
  } while (page !== null)
}

/** One page of entities, with the `nextCursor` for the next. */
export async function itemPage<T>(
  log: Pick<EventLog, 'list'>,
  { cursor, ...query }: Omit<RecordQuery, 'page'> & { cursor?: string | undefined },
): Promise<ItemPage<T>> {
  const { records, nextPage } = await log.list({ ...query, ...(cursor !== undefined && { page: cursor }) })
  return { items: records.map(({ payload }) => payload as T), nextCursor: nextPage }
}
