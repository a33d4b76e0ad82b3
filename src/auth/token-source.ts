import type { IncomingHttpHeaders } from 'node:http'

export type FoundToken =
  | { status: 'found'; token: string }
  | { status: 'absent' }
  /** A source is present but holds no token. It is decisive all the same. */
  | { status: 'malformed'; message: string }

/** The subprotocol that the server selects. The token offered beside it is never echoed. */
export const SUBPROTOCOL = 'fleetwire.v1'
const BEARER_PROTOCOL = 'bearer.'
const BEARER_HEADER = /^Bearer\s+(\S+)\s*$/i

const malformed = (message: string): FoundToken => ({ status: 'malformed', message })

/**
 * Finds the token of a request. The first source that is present decides: if a bad header made the server fall back to
 * the query, a client could get past a proxy that checks the header.
 */
export function findToken(
  headers: IncomingHttpHeaders,
  query: Readonly<Record<string, unknown>>,
  allowQueryToken: boolean,
): FoundToken {
  const { authorization } = headers
  if (authorization !== undefined) {
    const token = BEARER_HEADER.exec(authorization)?.[1]
    return token === undefined
      ? malformed('The Authorization header is not "Bearer <jwt>".')
      : { status: 'found', token }
  }
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim())
  const [bearer, second] = offered.filter(name => name.startsWith(BEARER_PROTOCOL))
  if (second !== undefined) return malformed('Sec-WebSocket-Protocol offers more than one bearer token.')
  if (bearer !== undefined) return { status: 'found', token: bearer.slice(BEARER_PROTOCOL.length) }
  if (!allowQueryToken || query.token === undefined) return { status: 'absent' }
  return typeof query.token === 'string'
    ? { status: 'found', token: query.token }
    : malformed('The query string has more than one token.')
}
