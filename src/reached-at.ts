import type { IncomingHttpHeaders } from 'node:http'

/** What of a request says how its sender reaches this server. `host` and `protocol` are believed already. */
export interface ReachedBy {
  headers: IncomingHttpHeaders
  host: string
  protocol: string
  /** Whether the peer on the socket is a proxy that is believed. */
  isTrusted: boolean
}

/** This server as its callers see it, in front of all proxies. */
export interface ReachedAt {
  protocol: 'http' | 'https'
  /** With the port, where it is not the default one. */
  host: string
  /** What the proxies take from the front of every path; empty, or with a slash at its beginning and none at its end. */
  prefix: string
}

const PREFIX = /^(\/[\w.~:@%-]+)+$/
const HAS_PORT = /:\d+$/

const lastOf = (header: string | string[] | undefined): string =>
  String(header ?? '')
    .split(',')
    .at(-1)!
    .trim()

/** Each proxy of a chain adds what it took: the outermost first. */
function prefixOf(header: string | string[] | undefined): string {
  const parts = String(header ?? '')
    .split(',')
    .map(part => part.trim().replace(/\/+$/, ''))
    .filter(part => part !== '')
  return parts.every(part => PREFIX.test(part) && !part.includes('/..')) ? parts.join('') : ''
}

/** `X-Forwarded-Port` counts where the host has none, and the port is one that a URL would name. */
function hostOf({ headers, host, isTrusted }: ReachedBy): string {
  const port = isTrusted && !HAS_PORT.test(host) ? lastOf(headers['x-forwarded-port']) : ''
  return /^\d{1,5}$/.test(port) && port !== '80' && port !== '443' ? `${host}:${port}` : host
}

export function reachedAt(by: ReachedBy): ReachedAt {
  return {
    // Some proxies say `wss` of the upgrade of a socket.
    protocol: /^(https|wss)$/i.test(by.protocol) ? 'https' : 'http',
    host: hostOf(by),
    prefix: by.isTrusted ? prefixOf(by.headers['x-forwarded-prefix']) : '',
  }
}
