const FIN = 0x80
const MASKED = 0x80
const MASK_BYTES = 4
const LONGEST_HEAD = 14

/**
 * Counts the WebSocket frames that are not the last of their message (RFC 6455 §5.2), in the raw bytes from the peer.
 * WebSocket libraries report whole messages only, and a message in parts of one byte, or of none, costs as much as that
 * many messages. Protocol errors are not judged here.
 */
export class FragmentCounter {
  readonly #head = Buffer.alloc(LONGEST_HEAD)
  /** How many bytes of a frame's head have arrived. */
  #have = 0
  /** How many bytes of the payload are still to come. */
  #payloadLeft = 0

  count(chunk: Buffer): number {
    let fragments = 0
    for (let at = 0; at < chunk.length; ) {
      if (this.#payloadLeft > 0) {
        const skipped = Math.min(this.#payloadLeft, chunk.length - at)
        this.#payloadLeft -= skipped
        at += skipped
        continue
      }
      this.#head[this.#have++] = chunk[at++]!
      if (this.#have < this.#headLength()) continue
      if ((this.#head[0]! & FIN) === 0) fragments++
      this.#payloadLeft = this.#payloadLength()
      this.#have = 0
    }
    return fragments
  }

  #headLength(): number {
    if (this.#have < 2) return 2
    const second = this.#head[1]!
    const short = second & ~MASKED
    return 2 + (short === 127 ? 8 : short === 126 ? 2 : 0) + ((second & MASKED) === 0 ? 0 : MASK_BYTES)
  }

  #payloadLength(): number {
    const short = this.#head[1]! & ~MASKED
    if (short < 126) return short
    return short === 126 ? this.#head.readUInt16BE(2) : Number(this.#head.readBigUInt64BE(2))
  }
}
