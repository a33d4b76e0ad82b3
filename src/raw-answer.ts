import type { RestError } from '@fleetwire/protocol'

/** A whole HTTP answer as bytes, the last on its connection: for where there is a socket and no response. */
export function rawAnswer(body: RestError, headers: Readonly<Record<string, string>> = {}): string {
  const text = JSON.stringify(body)
  const all = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
    Connection: 'close',
  }
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${body.statusCode} ${body.error}\r\n${head.join('')}\r\n${text}`
}
