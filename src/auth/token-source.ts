import type { IncomingHttpHeaders } from 'node:http'

export type FoundToken =
  | { status: 'found'; token: string }
  | { status: 'absent' }
  /** A source is there and holds no token: it decides all the same. */
  | { status: 'malformed'; message: string }

/** The name that the server selects; the token beside it is never echoed. */
export const SUBPROTOCOL = 'fleetwire.v1'
const BEARER_PROTOCOL = 'bearer.'
const BEARER_HEADER = /^Bearer\s+(\S+)\s*$/i

const malformed = (message: string): FoundToken => ({ status: 'malformed', message })

/**
 * The token of a request. The first source that is present decides: were a bad header followed by a look at the query,
 * a proxy that checks the header could be walked around.
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
    : malformed('The query names more than one token.')
}
