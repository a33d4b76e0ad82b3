import type { IncomingHttpHeaders } from 'node:http'

/** The parts of a request that show how its sender reaches this server. `host` and `protocol` are already trusted. */
export interface ReachedBy {
  headers: IncomingHttpHeaders
  host: string
  protocol: string
  /** Whether the peer on the socket is a trusted proxy. */
  isTrusted: boolean
}

/** This server as its callers see it, in front of all proxies. */
export interface ReachedAt {
  protocol: 'http' | 'https'
  /** Includes the port unless it is the default one. */
  host: string
  /** The path prefix that proxies remove: empty, or with a slash at its start and none at its end. */
  prefix: string
}

const PREFIX = /^(\/[\w.~:@%-]+)+$/
const HAS_PORT = /:\d+$/

const lastOf = (header: string | string[] | undefined): string =>
  String(header ?? '')
    .split(',')
    .at(-1)!
    .trim()

/** Each proxy of a chain adds the prefix that it removed: the outermost first. */
function prefixOf(header: string | string[] | undefined): string {
  const parts = String(header ?? '')
    .split(',')
    .map(part => part.trim().replace(/\/+$/, ''))
    .filter(part => part !== '')
  return parts.every(part => PREFIX.test(part) && !part.includes('/..')) ? parts.join('') : ''
}

/** `X-Forwarded-Port` counts if the host has no port, and the port is not a default one. */
function hostOf({ headers, host, isTrusted }: ReachedBy): string {
  const port = isTrusted && !HAS_PORT.test(host) ? lastOf(headers['x-forwarded-port']) : ''
  return /^\d{1,5}$/.test(port) && port !== '80' && port !== '443' ? `${host}:${port}` : host
}

export function reachedAt(by: ReachedBy): ReachedAt {
  return {
    // Some proxies send `wss` for the upgrade of a socket.
    protocol: /^(https|wss)$/i.test(by.protocol) ? 'https' : 'http',
    host: hostOf(by),
    prefix: by.isTrusted ? prefixOf(by.headers['x-forwarded-prefix']) : '',
  }
}
