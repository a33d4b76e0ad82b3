interface SseFields {
  event?: string
  id?: string | undefined
  data: string
}

/** A server-sent event. `data` and `event` must be one line each; JSON contains no raw line breaks. */
export function sseFrame({ event, id, data }: SseFields): Buffer {
  const named = event === undefined ? '' : `event: ${event}\n`
  return Buffer.from(`${named}${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`)
}

/** Moves the cursor that the client sends as `Last-Event-ID`, without an event. */
export const sseCursor = (cursor: string): Buffer => Buffer.from(`id: ${cursor}\n\n`)

/** Sets the time after which the client reconnects when the stream has ended, ms. */
export const sseRetry = (retryMs: number): Buffer => Buffer.from(`retry: ${retryMs}\n\n`)

/** A comment that shows proxies that the stream is alive. */
export const sseKeepAlive: Buffer = Buffer.from(': keep-alive\n\n')
