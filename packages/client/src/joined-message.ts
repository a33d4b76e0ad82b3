import { bytesOf } from './bytes-of.ts'

/** Limit for a message with several frames: the peer reads a message completely before it handles its first frame. */
const MAX_JOINED_BYTES = 64 * 1024

/** Joins frames into text messages, one frame per line. A frame over the limit becomes a message by itself. */
export class JoinedMessage {
  readonly #send: (text: string) => void
  #frames: string[] = []
  #bytes = 0
  #maxBytes = MAX_JOINED_BYTES

  constructor(send: (text: string) => void) {
    this.#send = send
  }

  /** Bytes waiting to be sent. */
  get bytes(): number {
    return this.#bytes
  }

  /** The largest message that the peer accepts. */
  set limitBytes(bytes: number) {
    this.#maxBytes = Math.min(MAX_JOINED_BYTES, bytes)
  }

  add(frame: string): void {
    const bytes = bytesOf(frame) + 1
    if (this.#bytes + bytes > this.#maxBytes) this.flush()
    this.#frames.push(frame)
    this.#bytes += bytes
  }

  flush(): void {
    if (this.#frames.length === 0) return
    const frames = this.#frames
    this.#frames = []
    this.#bytes = 0
    this.#send(frames.join('\n'))
  }
}
