/** The header of each run: the byte length of its JSON, and that of the bytes attached to its last message. */
const HEAD_BYTES = 8
/** In place of a length: no bytes are attached. */
const NONE = 0xffffffff
/** No MessageWriter writes a longer run. */
const MAX_RUN_BYTES = 128 * 1024 * 1024
/** Messages are parsed in runs, each one JSON array: with shorter runs each message costs more. Characters. */
const RUN_LENGTH = 64 * 1024

interface Run {
  json: string
  jsonBytes: number
  bytes: Uint8Array | undefined
}

/** Pending messages, serialised as one sequence of bytes. */
export class MessageWriter {
  #runs: Run[] = []
  #open: string[] = []
  #openLength = 0
  #size = 0

  /** In bytes; for the text that was added last, an estimate. */
  get size(): number {
    return this.#size + this.#openLength
  }

  add(message: unknown, bytes: Uint8Array | undefined): void {
    const json = JSON.stringify(message) ?? 'null'
    this.#open.push(json)
    this.#openLength += json.length
    if (bytes !== undefined || this.#openLength > RUN_LENGTH) this.#close(bytes)
  }

  /** Takes all pending messages; the first `room` bytes are left free. */
  take(room: number): Buffer {
    if (this.#open.length > 0) this.#close(undefined)
    const all = Buffer.allocUnsafe(room + this.#size)
    let at = room
    for (const { json, jsonBytes, bytes } of this.#runs) {
      all.writeUInt32BE(jsonBytes, at)
      all.writeUInt32BE(bytes?.length ?? NONE, at + 4)
      at += HEAD_BYTES
      at += all.write(json, at)
      if (bytes === undefined) continue
      all.set(bytes, at)
      at += bytes.length
    }
    this.#runs = []
    this.#size = 0
    return all
  }

  #close(bytes: Uint8Array | undefined): void {
    const json = `[${this.#open.join(',')}]`
    const jsonBytes = Buffer.byteLength(json)
    this.#runs.push({ json, jsonBytes, bytes })
    this.#size += HEAD_BYTES + jsonBytes + (bytes?.length ?? 0)
    this.#open = []
    this.#openLength = 0
  }
}

/** Reads messages from the bytes of a MessageWriter, whatever chunks they arrive in. */
export class MessageReader {
  #chunks: Buffer[] = []
  #size = 0
  #wanted = HEAD_BYTES

  /** Throws on bytes that no MessageWriter wrote. `onMessage` returns false to leave the rest unread. */
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
      if (size > MAX_RUN_BYTES) throw new Error(`messages of ${size} bytes`)
      this.#wanted = size
      if (left < size) break
      const from = at + HEAD_BYTES
      const bytes = beside === NONE ? undefined : all.subarray(from + jsonBytes, at + size)
      at += size
      const run = JSON.parse(all.toString('utf8', from, from + jsonBytes)) as unknown[]
      const last = run.length - 1
      for (const [i, message] of run.entries()) if (!onMessage(message, i === last ? bytes : undefined)) return
    }
    this.#chunks = at === all.length ? [] : [all.subarray(at)]
    this.#size = all.length - at
  }
}
