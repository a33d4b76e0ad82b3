/** Records items, and lets a test wait until they meet a condition. */
export class Notes<T> {
  readonly items: T[] = []
  readonly #looks = new Set<() => void>()

  note(item: T): void {
    this.items.push(item)
    for (const look of this.#looks) look()
  }

  until(holds: (items: readonly T[]) => boolean): Promise<void> {
    return new Promise(resolve => {
      const look = () => {
        if (!holds(this.items)) return
        this.#looks.delete(look)
        resolve()
      }
      this.#looks.add(look)
      look()
    })
  }
}
