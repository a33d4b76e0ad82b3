import { rethrowLater } from './errors.ts'

/** A value that can be watched; its shape suits React's `useSyncExternalStore`. */
export interface Observable<T> {
  readonly value: T
  /** Calls back on every change from now on. Returns a function that unsubscribes. */
  subscribe(listener: (value: T) => void): () => void
}

export class Subject<T> implements Observable<T> {
  #value: T
  readonly #listeners = new Set<(value: T) => void>()
  /** Changes made while listeners are told of an earlier one. */
  readonly #untold: T[] = []
  #isTelling = false

  constructor(initial: T) {
    this.#value = initial
  }

  get value(): T {
    return this.#value
  }

  /** Every listener is told of each change once, in order, even if a listener makes the next one. */
  set(value: T): void {
    this.#value = value
    this.#untold.push(value)
    if (this.#isTelling) return
    this.#isTelling = true
    while (this.#untold.length > 0) {
      const next = this.#untold.shift() as T
      for (const listener of [...this.#listeners]) tell(listener, next)
    }
    this.#isTelling = false
  }

  subscribe(listener: (value: T) => void): () => void {
    // A wrapper, so that a function that subscribed twice can unsubscribe once.
    const own = (value: T) => listener(value)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }
}

/** A listener that throws does not affect the others, nor whoever made the change. */
function tell<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value)
  } catch (error) {
    rethrowLater(error)
  }
}
