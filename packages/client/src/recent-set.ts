/** The last `limit` values added. */
export class RecentSet<T> {
  readonly #limit: number
  readonly #values = new Set<T>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** False if the value is already present. */
  add(value: T): boolean {
    if (this.#values.has(value)) return false
    if (this.#values.size >= this.#limit) this.#values.delete(this.#values.values().next().value as T)
    this.#values.add(value)
    return true
  }
}
