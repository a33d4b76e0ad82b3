import { type WireError, wireError } from '@fleetwire/protocol'

/** An expected refusal: the protocol's error, returned and never thrown. */
export interface Refused {
  status: 'refused'
  error: WireError
}

export const refused = (error: WireError): Refused => ({ status: 'refused', error })

/** Also for something that exists but that the caller may not see: the two must look the same. */
export const notFound = (what: string, id: string): WireError => wireError('not_found', `There is no ${what} "${id}".`)

/** For a command that an agent names. */
export const notOfAgent = (commandId: string): WireError =>
  wireError('not_found', `There is no command "${commandId}" of this agent.`)

/** The retry delay if the log gives none, ms. */
const RETRY_AFTER_MS = 1000

/** Also used as the reason of a close, which has room for no more. */
export const LOG_UNAVAILABLE = 'The log cannot accept writes now'

/** The request may have been carried out, and that cannot be determined now. */
export const unknownOutcome = (why: string, retryAfterMs = RETRY_AFTER_MS): WireError =>
  wireError(
    'unavailable',
    `${why}. The request may have been carried out: check first, or send it again with the same idempotency key.`,
    { retryAfterMs, outcome: 'unknown' },
  )

/** The log cannot be written or read. `reason`: as given by the log. */
export const unavailable = ({
  retryAfterMs = RETRY_AFTER_MS,
  reason,
  mayBeWritten = false,
}: {
  retryAfterMs?: number
  reason?: string
  mayBeWritten?: boolean
} = {}): WireError => {
  const why = reason === undefined ? '' : ` (${reason})`
  if (mayBeWritten) return unknownOutcome(`${LOG_UNAVAILABLE}${why}`, retryAfterMs)
  return wireError('unavailable', `${LOG_UNAVAILABLE}${why}. Nothing was accepted; try again.`, { retryAfterMs })
}
