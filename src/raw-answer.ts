import type { RestError } from '@fleetwire/protocol'

/** Headers of every response: no caching, and no guessing of the content type. */
export const answerHeaders = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' } as const

/** A complete HTTP response as text, the last on its connection: for code that has a socket but no response object. */
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
