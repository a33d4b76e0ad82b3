import { type WireError, wireError } from '@fleetwire/protocol'

/** An expected "no": the protocol's error, returned and never thrown. */
export interface Refused {
  status: 'refused'
  error: WireError
}

export const refused = (error: WireError): Refused => ({ status: 'refused', error })

/** Also of what is there and the caller may not see: the two must not differ. */
export const notFound = (what: string, id: string): WireError => wireError('not_found', `There is no ${what} "${id}".`)

/** Of a command that an agent names. */
export const notOfAgent = (commandId: string): WireError =>
  wireError('not_found', `There is no command "${commandId}" of this agent.`)

/** Until when a caller waits where the log does not say it, ms. */
const RETRY_AFTER_MS = 1000

/** Also the reason of a close, where more cannot be said. */
export const LOG_UNAVAILABLE = 'The log cannot accept now'

/** The log cannot be written, or not be read. `reason`: as the log tells it. */
export const unavailable = ({
  retryAfterMs = RETRY_AFTER_MS,
  reason,
}: {
  retryAfterMs?: number
  reason?: string
} = {}): WireError => {
  const why = reason === undefined ? '' : ` (${reason})`
  return wireError('unavailable', `${LOG_UNAVAILABLE}${why}. Nothing was accepted; try again.`, { retryAfterMs })
}
