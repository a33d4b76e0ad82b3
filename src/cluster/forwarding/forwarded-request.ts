import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isObject } from '../../is-object.ts'

/** On a request that a node forwards: the key of the node that it is meant for, and the original sender. */
export const FORWARDED = 'fleetwire-forwarded'
/** On the response: how far the log of the active node was. */
export const HEAD = 'fleetwire-head'
/** On a refusal: the node was asked as the active one, is not active, and did nothing. */
export const NOT_ACTIVE = 'fleetwire-not-active'

/** The sender of a request, as seen by the node that received it. */
export interface ForwardedFrom {
  /** The address as limits count it. */
  address: string
  /** How the sender reaches the cluster, in front of all proxies. */
  reachedAt: { protocol: 'http' | 'https'; host: string; prefix: string }
  /** How far that node has the log, as a `seq`: the sender may have seen all of it. */
  head: number
}

/** Headers about one connection, not about the request or the response that it carries (RFC 9110, 7.6.1). */
const OF_CONNECTION = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  // Node.js has already answered `100-continue`.
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings', 'expect'],
])

/** The headers of a request or response that are forwarded. Our own headers between nodes never are. */
export function headersPassedOn<T extends string | string[] | undefined>(
  headers: Readonly<Record<string, T>>,
): Record<string, NonNullable<T>> {
  const named = String(headers.connection ?? '').toLowerCase()
  const ofConnection = new Set(named.split(',').map(name => name.trim()))
  const passed: Record<string, NonNullable<T>> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || OF_CONNECTION.has(name) || ofConnection.has(name)) continue
    if (name === FORWARDED || name === HEAD || name === NOT_ACTIVE) continue
    passed[name] = value as NonNullable<T>
  }
  return passed
}

/** The value of the header FORWARDED. `key`: that of the node to which the request goes. */
export const forwardedHeader = (key: string, from: ForwardedFrom): string =>
  `${key} ${encodeURIComponent(JSON.stringify(from))}`

/** Undefined for requests that no node sent to this process: a sender that knows its key is trusted. */
export function forwardedFrom(headers: IncomingHttpHeaders, key: string): ForwardedFrom | undefined {
  const [given = '', said = ''] = String(headers[FORWARDED] ?? '').split(' ')
  if (!isSame(given, key)) return undefined
  try {
    const from: unknown = JSON.parse(decodeURIComponent(said))
    const isWhole = isObject(from) && typeof from.address === 'string' && typeof from.head === 'number'
    return isWhole ? (from as unknown as ForwardedFrom) : undefined
  } catch {
    return undefined
  }
}

function isSame(given: string, key: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(key)]
  return a.length === b.length && timingSafeEqual(a, b)
}
