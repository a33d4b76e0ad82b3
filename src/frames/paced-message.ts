import { textFragment } from './text-frame.ts'

/** How much is written to a socket before checking whether it accepts more. */
export const FRAGMENT_BYTES = 64 * 1024

/**
 * A message that may exceed what the outbox of a live client may hold: it is sent in parts, at the pace of its reader.
 * Only control frames may be sent between the parts.
 */
export class PacedMessage {
  readonly #message: Buffer
  readonly #part: (bytes: Buffer, first: boolean, last: boolean) => Buffer
  #at = 0

  private constructor(message: Buffer, part: (bytes: Buffer, first: boolean, last: boolean) => Buffer) {
    this.#message = message
    this.#part = part
  }

  /** Splits into fragments of one WebSocket message (RFC 6455 §5.4). */
  static webSocket(text: string): PacedMessage {
    return new PacedMessage(Buffer.from(text), textFragment)
  }

  /** Splits into pieces of a byte stream. */
  static stream(bytes: Buffer): PacedMessage {
    return new PacedMessage(bytes, part => part)
  }

  /** Bytes that are left. */
  get length(): number {
    return this.#message.length - this.#at
  }

  take(): Buffer {
    const end = Math.min(this.#at + FRAGMENT_BYTES, this.#message.length)
    const part = this.#part(this.#message.subarray(this.#at, end), this.#at === 0, end === this.#message.length)
    this.#at = end
    return part
  }
}
