/** Keeps the last `limitBytes` bytes of an output. The kept part begins at the start of a character. */
export class KeptOutput {
  readonly #limitBytes: number
  #parts: Buffer[] = []
  #size = 0
  #truncated = false

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  append(bytes: Uint8Array): void {
    this.#parts.push(Buffer.from(bytes))
    this.#size += bytes.length
    // Trimmed only beyond twice the limit, so that a long output is not copied for each chunk.
    if (this.#size > 2 * this.#limitBytes + 65_536) this.#cut()
  }

  read(): { output: string; truncated: boolean } {
    this.#cut()
    return { output: this.#parts[0]?.toString('utf8') ?? '', truncated: this.#truncated }
  }

  #cut(): void {
    const all = Buffer.concat(this.#parts)
    let from = Math.max(0, all.length - this.#limitBytes)
    if (from > 0) this.#truncated = true
    while (from > 0 && from < all.length && (all[from]! & 0xc0) === 0x80) from++
    this.#parts = [all.subarray(from)]
    this.#size = all.length - from
  }
}
