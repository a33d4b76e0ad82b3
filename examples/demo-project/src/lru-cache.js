/** Keeps the most recently used entries. At its limit, the least recently used entry makes room. */
export class LruCache {
  #limit
  #entries = new Map()

  constructor(limit) {
    if (!(limit >= 1)) throw new RangeError(`the limit must be at least 1, not ${limit}`)
    this.#limit = limit
  }

  get size() {
    return this.#entries.size
  }

  /** Undefined if it is not there. Counts as a use. */
  get(key) {
    if (!this.#entries.has(key)) return undefined
    const value = this.#entries.get(key)
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  /** Counts as a use. */
  set(key, value) {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    // A Map lists its keys in insertion order.
    if (this.#entries.size > this.#limit) this.#entries.delete(this.#entries.keys().next().value)
  }
}
