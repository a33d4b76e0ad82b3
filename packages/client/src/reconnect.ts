import { closeAction } from '@fleetwire/protocol'

export interface ReconnectPolicy {
  /** Ceiling of the first delay. It doubles with each failure, to prevent a busy loop against a refusing server. */
  baseMs: number
  /** The ceiling of every delay, so that clients return soon after the server is back. */
  capMs: number
  /**
   * A connection that lasted this long clears earlier failures; a shorter one may be part of a crash loop. Keep it only
   * a little longer than a crash takes to show: when the nodes of a cluster end one after another, each counted failure
   * would double the time for which clients stay away, although another node is ready.
   */
  stableMs: number
  /** The longest wait that a server may request. Prevents a wrong hint from locking the client out. */
  maxHintMs: number
}

export const defaultPolicy: ReconnectPolicy = { baseMs: 500, capMs: 20_000, stableMs: 2_000, maxHintMs: 300_000 }

export interface ReconnectState {
  /** Attempts that ended since the last stable connection. */
  readonly failures: number
  /** When the connection was established; null while there is none. */
  readonly upSince: number | null
  /** The delay that `connection:closing` requested. */
  readonly hintMs: number | null
}

export const initialReconnect: ReconnectState = { failures: 0, upSince: null, hintMs: null }

export type ReconnectEvent =
  | { type: 'established'; at: number }
  | { type: 'closing'; reconnectAfterMs: number }
  /** An attempt or a connection ended. `renewable`: the token comes from a function that can return another. */
  | { type: 'closed'; at: number; code: number; httpStatus?: number | undefined; renewable: boolean }

export type ReconnectDecision = { do: 'nothing' } | { do: 'wait'; delayMs: number } | { do: 'stop' }

type Verdict = 'stop' | 'retry' | 'back-off'

/** Retrying a 401 or 4401 with a fixed token is pointless; a token function is asked for another one. */
function verdictOf(event: Extract<ReconnectEvent, { type: 'closed' }>): Verdict {
  if (event.httpStatus === 401) return event.renewable ? 'retry' : 'stop'
  if (event.httpStatus === 403) return 'stop'
  if (event.httpStatus === 429 || event.httpStatus === 503) return 'back-off'
  const action = closeAction(event.code)
  switch (action) {
    case 'stop':
      return 'stop'
    case 'refresh-token':
      return event.renewable ? 'retry' : 'stop'
    case 'back-off':
      return 'back-off'
    case 'reconnect':
    case 'resume':
      return 'retry'
    default:
      return action satisfies never
  }
}

/** After a refusal because of load, delays start at the level of a third failure, to relieve the server. */
const BACK_OFF_FAILURES = 2

/**
 * Decides how to react to an event. Delays are exponential with full jitter (Brooker, "Exponential backoff and
 * jitter"): uniform between 0 and the ceiling, so that a thousand clients disconnected together do not return together.
 */
export function reconnect(
  state: ReconnectState,
  event: ReconnectEvent,
  policy: ReconnectPolicy,
  random: () => number,
): { state: ReconnectState; decision: ReconnectDecision } {
  switch (event.type) {
    case 'established':
      return { state: { ...state, upSince: event.at, hintMs: null }, decision: { do: 'nothing' } }
    case 'closing': {
      const hintMs = Math.min(Math.max(event.reconnectAfterMs, 0), policy.maxHintMs)
      return { state: { ...state, hintMs }, decision: { do: 'nothing' } }
    }
    case 'closed': {
      const verdict = verdictOf(event)
      if (verdict === 'stop') return { state: initialReconnect, decision: { do: 'stop' } }
      const stable = state.upSince !== null && event.at - state.upSince >= policy.stableMs
      const before = stable ? 0 : state.failures
      const counted = verdict === 'back-off' ? Math.max(before, BACK_OFF_FAILURES) : before
      const next = { failures: counted + 1, upSince: null, hintMs: null }
      if (state.hintMs !== null) return { state: next, decision: { do: 'wait', delayMs: state.hintMs } }
      const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(counted, 30))
      return { state: next, decision: { do: 'wait', delayMs: Math.round(random() * ceiling) } }
    }
    default:
      return event satisfies never
  }
}
