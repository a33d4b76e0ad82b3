import { write } from 'node:fs'
import { Writable } from 'node:stream'
import { systemClock } from '../clock.ts'

const RETRY_MS = 10

/**
 * A non-blocking standard output. Node's own blocks the whole process while a pipe is full, so the server would drop
 * the connection of a user who pages through a long output. Errors are emitted on `process.stdout`.
 */
export function stdoutFile(): Writable {
  const { fd } = process.stdout
  return new Writable({
    highWaterMark: 0,
    write(chunk: Buffer, _encoding, done) {
      const from = (start: number): void =>
        write(fd, chunk, start, (error, written) => {
          // Another process that shares the pipe has made it non-blocking.
          if (error?.code === 'EAGAIN') systemClock.setTimeout(() => from(start), RETRY_MS)
          else if (error) process.stdout.emit('error', error)
          else if (start + written < chunk.length) from(start + written)
          else done()
        })
      from(0)
    },
  })
}
