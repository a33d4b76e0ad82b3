import type { RestError } from '@fleetwire/protocol'

/** What every answer says: browsers take it for what it says it is, and nobody keeps it. */
export const answerHeaders = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' } as const

/** A whole HTTP answer as bytes, the last on its connection: for where there is a socket and no response. */
export function rawAnswer(body: RestError, headers: Readonly<Record<string, string>> = {}): string {
  const text = JSON.stringify(body)
  const all = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    ...answerHeaders,
    ...headers,
    Connection: 'close',
  }
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${body.statusCode} ${body.error}\r\n${head.join('')}\r\n${text}`
}
