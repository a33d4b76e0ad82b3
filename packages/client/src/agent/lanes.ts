interface Lane<T> {
  items: T[]
  readonly keys: Set<string>
}

/**
 * A queue of lanes that take turns. Items that share a key keep their order; others may overtake. An item with keys of
 * several lanes merges those lanes and waits behind all of them.
 */
export class Lanes<T extends { readonly seq: number }> {
  readonly #laneOf = new Map<string, Lane<T>>()
  /** Lanes that are not empty, the next one first. */
  readonly #round: Lane<T>[] = []

  get isEmpty(): boolean {
    return this.#round.length === 0
  }

  /** `all`: after every waiting item, and before every later one. */
  add(item: T, keys: readonly string[] | 'all'): void {
    const own = keys === 'all' ? [...this.#laneOf.keys()] : keys
    const lane = this.#laneFor(own)
    lane.items.push(item)
    for (const key of own) this.#assign(key, lane)
  }

  /** Passes the next item to `use`, which returns whether any of it is left. Then it is the next lane's turn. */
  take(use: (item: T) => 'used' | 'left'): void {
    const lane = this.#round.shift()
    if (lane === undefined) return
    if (use(lane.items[0]!) === 'used') lane.items.shift()
    if (lane.items.length > 0) this.#round.push(lane)
    else for (const key of lane.keys) this.#laneOf.delete(key)
  }

  #laneFor(keys: readonly string[]): Lane<T> {
    const lanes = new Set(keys.map(key => this.#laneOf.get(key)).filter(lane => lane !== undefined))
    const [first, ...others] = lanes
    if (first === undefined) {
      const lane: Lane<T> = { items: [], keys: new Set() }
      this.#round.push(lane)
      return lane
    }
    if (others.length > 0) this.#merge(first, others)
    return first
  }

  #merge(into: Lane<T>, others: readonly Lane<T>[]): void {
    into.items = [into, ...others].flatMap(({ items }) => items).sort((a, b) => a.seq - b.seq)
    for (const lane of others) {
      this.#round.splice(this.#round.indexOf(lane), 1)
      for (const key of lane.keys) this.#assign(key, into)
    }
  }

  #assign(key: string, lane: Lane<T>): void {
    this.#laneOf.set(key, lane)
    lane.keys.add(key)
  }
}
