import { type Refused, refused, unavailable } from '../outcome.ts'
import type { EventLog } from './event-log.ts'

/*
 * Other nodes may report a commit before the node that made it knows that it stands, and a replaced node may not know
 * that yet. A client that saw a change there and asks about it here must not be contradicted on the first look.
 */

type Log = Pick<EventLog, 'catchUp'>

/** Before a permanent refusal, catches up with everything that any client may have seen, and judges again. */
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

/** If the first look finds nothing, catches up and looks again. */
export async function foundInAll<T>(log: Log, look: () => Promise<T | undefined>): Promise<T | undefined> {
  const first = await look()
  if (first !== undefined || log.catchUp === undefined) return first
  await log.catchUp().catch(() => {})
  return look()
}
