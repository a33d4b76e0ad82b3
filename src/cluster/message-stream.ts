/** Before each message: the bytes of its JSON, and those of what goes beside it. */
const HEAD_BYTES = 8
/** In the place of a length: there is nothing. */
const NONE = 0xffffffff
/** A longer one is no message of ours. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

interface Queued {
  json: string
  jsonBytes: number
  bytes: Uint8Array | undefined
}

/** Messages that wait, as one run of bytes. */
export class MessageWriter {
  #queued: Queued[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  add(message: unknown, bytes: Uint8Array | undefined): void {
    const json = JSON.stringify(message)
    const jsonBytes = Buffer.byteLength(json)
    this.#queued.push({ json, jsonBytes, bytes })
    this.#size += HEAD_BYTES + jsonBytes + (bytes?.length ?? 0)
  }

  /** All that waits; the first `room` bytes are left free. */
  take(room: number): Buffer {
    const all = Buffer.allocUnsafe(room + this.#size)
    let at = room
    for (const { json, jsonBytes, bytes } of this.#queued) {
      all.writeUInt32BE(jsonBytes, at)
      all.writeUInt32BE(bytes?.length ?? NONE, at + 4)
      at += HEAD_BYTES
      at += all.write(json, at)
      if (bytes === undefined) continue
      all.set(bytes, at)
      at += bytes.length
    }
    this.#queued = []
    this.#size = 0
    return all
  }
}

/** Messages out of the bytes of a MessageWriter, however they were cut. */
export class MessageReader {
  #chunks: Buffer[] = []
  #size = 0
  #wanted = HEAD_BYTES

  /** Throws for what no MessageWriter wrote. `onMessage` returns false to leave the rest unread. */
  read(chunk: Buffer, onMessage: (message: unknown, bytes: Uint8Array | undefined) => boolean): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size < this.#wanted) return
    const all = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    let at = 0
    for (;;) {
      const left = all.length - at
      this.#wanted = HEAD_BYTES
      if (left < HEAD_BYTES) break
      const jsonBytes = all.readUInt32BE(at)
      const beside = all.readUInt32BE(at + 4)
      const size = HEAD_BYTES + jsonBytes + (beside === NONE ? 0 : beside)
      if (size > MAX_MESSAGE_BYTES) throw new Error(`a message of ${size} bytes`)
      this.#wanted = size
      if (left < size) break
      const from = at + HEAD_BYTES
      const bytes = beside === NONE ? undefined : all.subarray(from + jsonBytes, at + size)
      at += size
      if (!onMessage(JSON.parse(all.toString('utf8', from, from + jsonBytes)), bytes)) return
    }
    this.#chunks = at === all.length ? [] : [all.subarray(at)]
    this.#size = all.length - at
  }
}
