import type { IncomingMessage } from 'node:http'

const tokensOf = (list = ''): string[] => list.split(',').map(token => token.trim().toLowerCase())

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/**
 * Whether the request asks for a WebSocket as RFC 6455 §4.1 defines it: an HTTP/1.1 GET without a body that offers
 * `websocket`.
 */
export const isWebSocketUpgrade = (request: IncomingMessage): boolean =>
  request.method === 'GET' &&
  request.httpVersion === '1.1' &&
  tokensOf(request.headers.upgrade).includes('websocket') &&
  !hasBody(request)

/**
 * Rewrites the head of an upgrade request as a plain request: without the upgrade in `Connection`, otherwise unchanged.
 * A parser can then read it again, with its body and what follows (RFC 9110 §7.8: a server may ignore `Upgrade`).
 */
export function plainHead({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!]
    const kept = name.toLowerCase() === 'connection' ? withoutUpgrade(value) : value
    if (kept !== undefined) lines.push(`${name}: ${kept}`)
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

function withoutUpgrade(connection: string): string | undefined {
  const kept = tokensOf(connection).filter(token => token !== 'upgrade' && token !== 'http2-settings')
  return kept.length === 0 ? undefined : kept.join(', ')
}
