const FIN = 0x80
const MASKED = 0x80
const MASK_BYTES = 4

/** The first byte of a frame has arrived; the second will give the length of its head. */
const UNKNOWN = -1

/**
 * Counts the WebSocket frames that are not the last of their message (RFC 6455 §5.2), in the raw bytes from the peer.
 * WebSocket libraries report whole messages only, and a message in fragments of one byte, or none, costs as much as
 * that many messages. Protocol errors are not checked here. Every connection has a counter, so it keeps numbers and no
 * bytes.
 */
export class FragmentCounter {
  /** How many bytes of the frame's head are still missing. */
  #headLeft = 0
  /** How many of those belong to the extended length, which comes before the mask. */
  #lengthLeft = 0
  /** How many payload bytes are still missing, as far as the head has been read. */
  #payloadLeft = 0

  count(chunk: Buffer): number {
    let fragments = 0
    for (let at = 0; at < chunk.length; ) {
      if (this.#headLeft === 0 && this.#payloadLeft > 0) {
        const skipped = Math.min(this.#payloadLeft, chunk.length - at)
        this.#payloadLeft -= skipped
        at += skipped
        continue
      }
      const byte = chunk[at++]!
      if (this.#headLeft === 0) {
        if ((byte & FIN) === 0) fragments++
        this.#headLeft = UNKNOWN
      } else if (this.#headLeft === UNKNOWN) this.#second(byte)
      else {
        this.#headLeft--
        if (this.#lengthLeft === 0) continue
        this.#lengthLeft--
        this.#payloadLeft = this.#payloadLeft * 256 + byte
      }
    }
    return fragments
  }

  #second(byte: number): void {
    const short = byte & ~MASKED
    this.#lengthLeft = short === 127 ? 8 : short === 126 ? 2 : 0
    this.#payloadLeft = this.#lengthLeft === 0 ? short : 0
    this.#headLeft = this.#lengthLeft + ((byte & MASKED) === 0 ? 0 : MASK_BYTES)
  }
}
