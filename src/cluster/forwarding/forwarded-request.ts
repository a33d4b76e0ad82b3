import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isObject } from '../../is-object.ts'

/** On a request that a node passes on: the key of the node that it is meant for, and who sent it. */
export const FORWARDED = 'fleetwire-forwarded'
/** On the answer to one: how far the log of the active node was. */
export const HEAD = 'fleetwire-head'
/** On a refusal: the node was asked as the active one, is not, and did nothing. */
export const NOT_ACTIVE = 'fleetwire-not-active'

/** The sender of a request as the node saw it that took it in. */
export interface ForwardedFrom {
  /** As limits count it. */
  address: string
  /** How the sender reaches the cluster, in front of all proxies. */
  reachedAt: { protocol: 'http' | 'https'; host: string; prefix: string }
  /** Up to where that node has the log, as a `seq`: the sender may have seen all of it. */
  head: number
}

/** About one connection, and not about the request or the answer that it carries (RFC 9110, 7.6.1). */
const OF_CONNECTION = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  // Node has answered `100-continue` already.
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings', 'expect'],
])

/** The headers of a request or an answer that go on to the next node. Those of our own between nodes never do. */
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

/** What the header FORWARDED says. `key`: that of the node which the request goes to. */
export const forwardedHeader = (key: string, from: ForwardedFrom): string =>
  `${key} ${encodeURIComponent(JSON.stringify(from))}`

/** Undefined for requests that no node sent to this process: whoever knows its key is believed. */
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
