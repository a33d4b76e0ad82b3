/** Whoever listens to something. Each call of `add` is a listener of its own, also of a function that listens already. */
export class Listeners<Args extends unknown[]> {
  readonly #entries = new Set<{ listener: (...args: Args) => void }>()

  /** Listens until the function that this returns is called. */
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
