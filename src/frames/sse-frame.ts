/** A server-sent event. `data` and `event` are one line each: JSON has no line breaks of its own. */
export function sseFrame({ event, id, data }: { event: string; id?: string | undefined; data: string }): Buffer {
  return Buffer.from(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`)
}

/** Moves the cursor that the client will send as `Last-Event-ID`, without an event. */
export const sseCursor = (cursor: string): Buffer => Buffer.from(`id: ${cursor}\n\n`)

/** When the client comes back after the stream ended, ms. */
export const sseRetry = (retryMs: number): Buffer => Buffer.from(`retry: ${retryMs}\n\n`)

/** A comment: proxies see that the stream lives. */
export const sseKeepAlive: Buffer = Buffer.from(': keep-alive\n\n')
