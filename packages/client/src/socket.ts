import { FleetwireError } from './errors.ts'

/** How an attempt or a socket ended. `httpStatus`: of a refused upgrade, if the platform exposes it. */
export interface SocketClose {
  code: number
  reason: string
  httpStatus?: number
}

export interface SocketEvents {
  open(): void
  text(text: string): void
  /** A sign of life other than a frame, such as a ping, if the platform exposes it. */
  alive(): void
  /** Called once, even if no socket was opened. */
  closed(close: SocketClose): void
}

/** The part of a WebSocket that a connection uses. */
export interface SocketPort {
  /** Bytes handed over but not yet sent. */
  readonly bufferedAmount: number
  send(text: string): void
  close(code: number, reason: string): void
  /** Pings the peer below the level of frames, if the platform can. */
  ping?(): void
  /** Abandons a dead connection without waiting for the peer. */
  drop(): void
}

export type SocketFactory = (target: { url: string; token: string }, events: SocketEvents) => SocketPort

/** Not a protocol code: platforms report it when a connection ended without a close frame. */
export const ABNORMAL_CLOSURE = 1006

/** The platform's own WebSocket. Browsers cannot set headers, so the token is sent as a subprotocol. */
export const browserSocket: SocketFactory = ({ url, token }, events) => {
  const socket = new WebSocket(url, token === '' ? ['fleetwire.v1'] : ['fleetwire.v1', `bearer.${token}`])
  socket.onopen = () => events.open()
  socket.onmessage = event => {
    if (typeof event.data === 'string') events.text(event.data)
  }
  socket.onclose = event => events.closed({ code: event.code, reason: event.reason })
  return {
    get bufferedAmount() {
      return socket.bufferedAmount
    },
    send: text => socket.send(text),
    close: (code, reason) => socket.close(code, reason),
    drop: () => socket.close(),
  }
}

/**
 * The given socket factory, or the platform's. Throws if there is none; otherwise every attempt would fail and be
 * retried.
 */
export function socketOf(given: SocketFactory | undefined): SocketFactory {
  if (given !== undefined || typeof WebSocket !== 'undefined') return given ?? browserSocket
  throw new FleetwireError(
    'invalid_option',
    "No WebSocket available: import from '@fleetwire/client/node' (Node 22 and later have one built in), or pass the `socket` option.",
  )
}

/**
 * The address of a route. An `http(s):` address, or one without a path, is the server's and gets the route appended. A
 * `ws(s):` address with a path is used as it is.
 */
export function socketUrl(address: string, route: 'agent' | 'ws'): string {
  const url = new URL(address)
  const isServer = url.protocol === 'http:' || url.protocol === 'https:' || url.pathname === '/'
  if (url.protocol === 'http:') url.protocol = 'ws:'
  if (url.protocol === 'https:') url.protocol = 'wss:'
  if (isServer) url.pathname = `${url.pathname.replace(/\/+$/, '')}/${route}`
  return url.href
}

/** The server's base address for HTTP requests, without a trailing slash, from an address that `socketUrl` accepts. */
export function httpUrl(address: string): string {
  const url = new URL(address)
  const path = url.protocol.startsWith('ws') ? url.pathname.replace(/\/ws\/?$/, '') : url.pathname
  return `${url.protocol.replace('ws', 'http')}//${url.host}${path.replace(/\/+$/, '')}`
}
