const FIRST_ALLOCATION = 4 * 1024

/**
 * The last `capacity` bytes of a stream, addressed by their absolute offset from its start. The buffer doubles as
 * output arrives, so a terminal with little output uses little memory.
 */
export class ByteRing {
  readonly #capacity: number
  #buffer = new Uint8Array(0)
  #oldest = 0
  #end = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** The offset of the oldest byte kept. */
  get oldest(): number {
    return this.#oldest
  }

  /** The offset after the last byte, where the next one goes. */
  get end(): number {
    return this.#end
  }

  get allocatedBytes(): number {
    return this.#buffer.length
  }

  append(bytes: Uint8Array): void {
    const kept = bytes.length > this.#capacity ? bytes.subarray(bytes.length - this.#capacity) : bytes
    if (kept !== bytes) this.reset(this.#end + bytes.length - kept.length)
    this.#reserve(Math.min(this.#end - this.#oldest + kept.length, this.#capacity))
    const at = this.#end % this.#buffer.length || 0
    const head = kept.subarray(0, this.#buffer.length - at)
    this.#buffer.set(head, at)
    this.#buffer.set(kept.subarray(head.length), 0)
    this.#end += kept.length
    this.#oldest = Math.max(this.#oldest, this.#end - this.#capacity)
  }

  /** A copy of the bytes from `from` up to `to`, both limited to what is kept. */
  slice(from: number, to: number = this.#end): Uint8Array {
    const start = Math.max(from, this.#oldest)
    const length = Math.min(to, this.#end) - start
    if (length <= 0) return new Uint8Array(0)
    const result = new Uint8Array(length)
    const at = start % this.#buffer.length
    const head = this.#buffer.subarray(at, at + length)
    result.set(head)
    result.set(this.#buffer.subarray(0, length - head.length), head.length)
    return result
  }

  /** Drops all bytes, frees the memory and continues at `offset`. */
  reset(offset: number): void {
    this.#buffer = new Uint8Array(0)
    this.#oldest = offset
    this.#end = offset
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return
    let length = Math.max(this.#buffer.length, FIRST_ALLOCATION)
    while (length < size) length *= 2
    const kept = this.slice(this.#oldest)
    this.#buffer = new Uint8Array(Math.min(length, this.#capacity))
    // A byte's index is its offset modulo the length, so with another length every byte moves.
    const at = this.#oldest % this.#buffer.length
    const head = kept.subarray(0, this.#buffer.length - at)
    this.#buffer.set(head, at)
    this.#buffer.set(kept.subarray(head.length), 0)
  }
}
