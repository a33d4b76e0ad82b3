import { rethrowLater } from './errors.ts'

/** An observable value; its shape suits React's `useSyncExternalStore`. */
export interface Observable<T> {
  readonly value: T
  /** Calls the listener on every change from now on. Returns a function that unsubscribes. */
  subscribe(listener: (value: T) => void): () => void
}

export class Subject<T> implements Observable<T> {
  #value: T
  readonly #listeners = new Set<(value: T) => void>()
  /** Changes made while listeners are being notified of an earlier one. */
  readonly #untold: T[] = []
  #isTelling = false

  constructor(initial: T) {
    this.#value = initial
  }

  get value(): T {
    return this.#value
  }

  /** Notifies every listener of each change once and in order, even if a listener makes another change. */
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
    // A wrapper, so a function that was subscribed twice can be unsubscribed once.
    const own = (value: T) => listener(value)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }
}

/** A listener that throws affects neither the other listeners nor the code that made the change. */
function tell<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value)
  } catch (error) {
    rethrowLater(error)
  }
}
