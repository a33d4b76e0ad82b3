import { type Refused, refused, unavailable } from '../outcome.ts'
import type { EventLog } from './event-log.ts'

/*
 * A commit may be told by other nodes before this one, which made it, has heard that it stands; and a node that was replaced
 * may not know that yet. So whoever saw something there, and asks about it here, is not told on the first look that it is
 * otherwise.
 */

type Log = Pick<EventLog, 'catchUp'>

/** Judges once more what it would refuse for good, on everything that anybody can have been told of. */
export async function judgedOnAll<T extends { status: string }>(
  log: Log,
  judge: () => Promise<T | Refused>,
): Promise<T | Refused> {
  const first = await judge()
  if (log.catchUp === undefined || first.status !== 'refused' || (first as Refused).error.retryable) return first
  try {
    await log.catchUp()
  } catch {
    return refused(unavailable())
  }
  return judge()
}

/** Looks once more for what it does not find. */
export async function foundInAll<T>(log: Log, look: () => Promise<T | undefined>): Promise<T | undefined> {
  const first = await look()
  if (first !== undefined || log.catchUp === undefined) return first
  await log.catchUp().catch(() => {})
  return look()
}
