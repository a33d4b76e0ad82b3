/** A value that can be watched; its shape suits React's `useSyncExternalStore`. */
export interface Observable<T> {
  readonly value: T
  /** Calls back on every change from now on; returns the way out. */
  subscribe(listener: (value: T) => void): () => void
}

export class Subject<T> implements Observable<T> {
  #value: T
  readonly #listeners = new Set<(value: T) => void>()

  constructor(initial: T) {
    this.#value = initial
  }

  get value(): T {
    return this.#value
  }

  set(value: T): void {
    this.#value = value
    for (const listener of [...this.#listeners]) listener(value)
  }

  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
