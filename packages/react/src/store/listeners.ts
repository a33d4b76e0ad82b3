export type Listener = () => void

/** A set of listeners. */
export class Listeners {
  readonly #all = new Set<Listener>()

  get size(): number {
    return this.#all.size
  }

  add(listener: Listener): () => void {
    // A wrapper, so a function that was added twice can be removed once.
    const own = () => listener()
    this.#all.add(own)
    return () => void this.#all.delete(own)
  }

  tell(): void {
    for (const listener of [...this.#all]) listener()
  }
}

/** Listeners by key: a row is notified only about its own record. */
export class KeyedListeners {
  readonly #byKey = new Map<string, Listeners>()

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  add(key: string, listener: Listener): () => void {
    const listeners = this.#byKey.get(key) ?? new Listeners()
    this.#byKey.set(key, listeners)
    const remove = listeners.add(listener)
    return () => {
      remove()
      if (listeners.size === 0 && this.#byKey.get(key) === listeners) this.#byKey.delete(key)
    }
  }

  tell(keys: Iterable<string>): void {
    for (const key of keys) this.#byKey.get(key)?.tell()
  }

  tellAll(): void {
    for (const listeners of [...this.#byKey.values()]) listeners.tell()
  }
}
