import { age } from '../model/format.ts'

export interface ConnectionFacts {
  state: 'idle' | 'connecting' | 'online' | 'waiting' | 'stopped'
  /** Since when the connection is down, epoch ms; undefined while it is up. */
  downSince?: number | undefined
  /** Known once the first connection was established. */
  role?: string | undefined
  cause?: { code: number; reason?: string; httpStatus?: number | undefined } | undefined
}

export interface ConnectionView {
  state: 'online' | 'reconnecting' | 'offline' | 'stopped'
  text: string
  detail: string
  canRetry: boolean
}

/** Most drops heal within a second or two and are not shown until then. */
export const QUIET_MS = 2000
/** After this long, a drop counts as offline. */
export const OFFLINE_MS = 60_000

export function connectionView(facts: ConnectionFacts, now: number): ConnectionView {
  const { state, downSince, role } = facts
  if (state === 'online')
    return { state: 'online', text: 'Live', detail: 'Every change is shown as it happens.', canRetry: false }
  if (state === 'stopped') {
    return { state: 'stopped', text: 'Stopped', detail: stopReason(facts.cause), canRetry: true }
  }
  const downMs = downSince === undefined ? 0 : now - downSince
  if (role === undefined && downMs < OFFLINE_MS) {
    const text = downMs < QUIET_MS ? 'Connecting' : `Connecting ${age(downMs)}`
    return { state: 'reconnecting', text, detail: 'Connecting for the first time.', canRetry: downMs >= QUIET_MS }
  }
  if (downMs < QUIET_MS) return { state: 'online', text: 'Live', detail: 'Reconnecting.', canRetry: false }
  const detail = 'What you see may be out of date. What you send is sent when the connection is back.'
  if (downMs < OFFLINE_MS) return { state: 'reconnecting', text: `Reconnecting ${age(downMs)}`, detail, canRetry: true }
  return { state: 'offline', text: `Offline ${age(downMs)}`, detail, canRetry: true }
}

export function stopReason(cause: ConnectionFacts['cause']): string {
  switch (cause?.code) {
    case 4403:
      return 'An administrator closed this connection, or its token is not allowed here. Retry, or log in with another token.'
    case 4401:
      return 'The token expired or was revoked. Log in again.'
    case 4000:
    case 4413:
      return 'The server refused what this page sent. Reload the page: it may be older than the server.'
    default:
      return 'The connection was closed. Retry to open it again.'
  }
}
