import { readSync } from 'node:fs'
import type { Socket } from 'node:net'

const READ_BYTES = 64 * 1024
/** The kernel holds far less; a process that left the session and writes for ever must not keep us reading. */
const MAX_DRAIN_BYTES = 4 * 1024 * 1024

/** What a program writes, at the pace of whoever takes it, and all of it. */
export class PacedOutput {
  readonly #stream: Socket
  readonly #fd: number
  readonly #onData: (bytes: Uint8Array) => void | Promise<void>
  #open = true

  /** `onData`: a promise stops the reading until it is settled, and so in time the program. `fd`: of the stream. */
  constructor(stream: Socket, fd: number, onData: (bytes: Uint8Array) => void | Promise<void>) {
    this.#stream = stream
    this.#fd = fd
    this.#onData = onData
    // Reading a terminal fails when its other side is gone; the exit is told by the process, not by this.
    stream.on('error', () => {})
    stream.on('data', bytes => this.#take(bytes))
  }

  /** Hands over what is left, without waiting for whoever takes it, and closes the stream. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#stream.removeAllListeners('data')
    this.#stream.pause()
    for (let bytes = this.#stream.read(); bytes !== null; bytes = this.#stream.read()) this.#take(bytes)
    if (!this.#stream.destroyed) this.#readRest()
    this.#stream.destroy()
  }

  /** Linux moves all that was written over to our side before it says that there is nothing (n_tty_read). */
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
    // A reader that fails has no more to say about the pace.
    ready.then(resume, resume)
  }
}
