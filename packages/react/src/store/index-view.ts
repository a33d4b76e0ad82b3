import type { Timer } from '@fleetwire/client'
import { Listeners } from './listeners.ts'
import type { RecordFeed } from './record-feed.ts'

const MIN_INTERVAL_MS = 250

export interface IndexRules<T, P, R> {
  /** What the index reads from a record; undefined if the record does not belong to it. */
  place(record: T): P | undefined
  isSame(a: P | undefined, b: P | undefined): boolean
  result(places: ReadonlyMap<string, P>): R
  /** Compares results: an equal one is not a change. */
  equal(a: R, b: R): boolean
}

/**
 * A result computed from the records of a feed, such as their order. It is recomputed only after a record was added,
 * removed or moved, and at most every 250 ms: with a thousand agents, a sort per frame would cost more than everything
 * else.
 */
export class IndexView<T, P, R> {
  readonly #feed: RecordFeed<T>
  readonly #rules: IndexRules<T, P, R>
  readonly #listeners = new Listeners()
  #places = new Map<string, P>()
  #result: R
  #isDirty = false
  #computedAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  readonly #leave: () => void

  /** `before`: the last result; it is kept if nothing has changed. */
  constructor(feed: RecordFeed<T>, rules: IndexRules<T, P, R>, before?: R) {
    this.#feed = feed
    this.#rules = rules
    this.#readAll()
    const result = rules.result(this.#places)
    this.#result = before !== undefined && rules.equal(before, result) ? before : result
    this.#isDirty = false
    this.#computedAt = this.#feed.clock.now()
    this.#leave = feed.onUpdate(ids => this.#update(ids))
  }

  get result(): R {
    return this.#result
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  close(): void {
    this.#timer?.cancel()
    this.#leave()
  }

  #readAll(): void {
    this.#places = new Map()
    for (const [id, record] of this.#feed.records) this.#put(id, record)
  }

  #put(id: string, record: T | undefined): void {
    const place = record === undefined ? undefined : this.#rules.place(record)
    if (this.#rules.isSame(this.#places.get(id), place)) return
    this.#isDirty = true
    if (place === undefined) this.#places.delete(id)
    else this.#places.set(id, place)
  }

  #update(ids: Iterable<string> | 'all'): void {
    if (ids === 'all') {
      this.#isDirty = true
      this.#readAll()
      // A snapshot is shown at once: rows and their order together.
      this.#compute()
      return
    }
    for (const id of ids) this.#put(id, this.#feed.get(id))
    if (!this.#isDirty || this.#timer !== undefined) return
    const due = this.#computedAt + MIN_INTERVAL_MS - this.#feed.clock.now()
    if (due <= 0) this.#compute()
    else this.#timer = this.#feed.clock.setTimeout(() => this.#compute(), Math.min(due, MIN_INTERVAL_MS))
  }

  #compute(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#isDirty = false
    this.#computedAt = this.#feed.clock.now()
    const result = this.#rules.result(this.#places)
    if (this.#rules.equal(this.#result, result)) return
    this.#result = result
    this.#listeners.tell()
  }
}
