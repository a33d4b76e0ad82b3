import { readSync } from 'node:fs'
import type { Socket } from 'node:net'

const READ_BYTES = 64 * 1024
/** Far more than the kernel buffers. The limit is for a process that left the session and keeps writing. */
const MAX_DRAIN_BYTES = 4 * 1024 * 1024

/** Reads all output of a program, at the pace of the consumer. */
export class PacedOutput {
  readonly #stream: Socket
  readonly #fd: number
  readonly #onData: (bytes: Uint8Array) => void | Promise<void>
  #open = true

  /**
   * `onData` may return a promise. Reading stops until it settles, which eventually blocks the program. `fd`: the
   * descriptor of the stream.
   */
  constructor(stream: Socket, fd: number, onData: (bytes: Uint8Array) => void | Promise<void>) {
    this.#stream = stream
    this.#fd = fd
    this.#onData = onData
    // Reading a terminal fails once its other side is gone. The exit is reported by the process instead.
    stream.on('error', () => {})
    stream.on('data', bytes => this.#take(bytes))
  }

  /** Passes on the remaining output without waiting for the consumer, and closes the stream. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#stream.removeAllListeners('data')
    this.#stream.pause()
    for (let bytes = this.#stream.read(); bytes !== null; bytes = this.#stream.read()) this.#take(bytes)
    if (!this.#stream.destroyed) this.#readRest()
    this.#stream.destroy()
  }

  /** Linux delivers everything that was written before a read reports that nothing is left (n_tty_read). */
  #readRest(): void {
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    for (let total = 0; total < MAX_DRAIN_BYTES; ) {
      let length: number
      try {
        length = readSync(this.#fd, buffer)
      } catch {
        return
      }
      if (length === 0) return
      total += length
      this.#take(Buffer.from(buffer.subarray(0, length)))
    }
  }

  #take(bytes: Buffer): void {
    const ready = this.#onData(bytes)
    if (!(ready instanceof Promise)) return
    if (this.#open) this.#stream.pause()
    const resume = () => {
      if (this.#open) this.#stream.resume()
    }
    // A consumer that failed no longer slows down reading.
    ready.then(resume, resume)
  }
}
