/** A set of listeners. Each `add` is a separate listener, even if the same function was added before. */
export class Listeners<Args extends unknown[]> {
  readonly #entries = new Set<{ listener: (...args: Args) => void }>()

  /** Adds a listener; the returned function removes it. */
  add(listener: (...args: Args) => void): () => void {
    const entry = { listener }
    this.#entries.add(entry)
    return () => {
      this.#entries.delete(entry)
    }
  }

  tell(...args: Args): void {
    for (const { listener } of this.#entries) listener(...args)
  }
}
