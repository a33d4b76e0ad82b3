import type { EventLog, LogRecord, RecordQuery } from './event-log.ts'

/** Read at once where nothing else is asked: few enough that they need little memory, enough that the way there costs little. */
const PAGE = 500

export interface ItemPage<T> {
  items: T[]
  /** Names the next page; null at the end. */
  nextCursor: string | null
}

type Query = Omit<RecordQuery, 'limit' | 'page'>

/** Every record that fits, in the order of `query`: what is done with one may be waited for. Read a page at a time. */
export async function* eachRecord(
  log: Pick<EventLog, 'list'>,
  query: Query,
  pageSize?: number,
): AsyncGenerator<LogRecord, void> {
  for await (const records of eachPage(log, query, pageSize)) yield* records
}

/** The same, for what is done with a page at once. */
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

/** One page of entities for somebody who asks for the next with its `nextCursor`. */
export async function itemPage<T>(
  log: Pick<EventLog, 'list'>,
  { cursor, ...query }: Omit<RecordQuery, 'page'> & { cursor?: string | undefined },
): Promise<ItemPage<T>> {
  const { records, nextPage } = await log.list({ ...query, ...(cursor !== undefined && { page: cursor }) })
  return { items: records.map(({ payload }) => payload as T), nextCursor: nextPage }
}
