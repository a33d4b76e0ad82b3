import type { DashboardEvent, SnapshotRecord } from '@fleetwire/client'
import { Feed, type FeedPort } from './feed.ts'
import { KeyedListeners } from './listeners.ts'
import type { RecordKind } from './record-kind.ts'

/** Maximum of settled records kept in a feed of active ones, for lists that still show them. */
const MAX_SETTLED = 500

/** The records of one kind that match a pattern, plus historical records added by lists. */
export class RecordFeed<T> extends Feed {
  readonly kind: RecordKind<T>
  readonly #isActiveOnly: boolean
  readonly #keyed = new KeyedListeners()
  readonly #updates = new Set<(ids: Iterable<string> | 'all') => void>()
  readonly #lists = new Set<ReadonlySet<string>>()
  #records = new Map<string, T>()
  /** Ordered by when they settled. */
  #settled = new Set<string>()
  /** What the next flush makes visible; undefined: removed. */
  #pending = new Map<string, T | undefined>()
  #replacement: Map<string, T> | undefined
  #added = new Map<string, T>()
  #waiting: (() => void)[] = []
  #snapshots = 0

  constructor(kind: RecordKind<T>, pattern: string, scope: 'active' | 'all', port: FeedPort) {
    super(pattern, scope, port)
    this.kind = kind
    this.#isActiveOnly = scope === 'active'
  }

  get records(): ReadonlyMap<string, T> {
    return this.#records
  }

  /** Increases with each snapshot. Records that settled before it and are in no list are unknown. */
  get snapshots(): number {
    return this.#snapshots
  }

  get(id: string): T | undefined {
    return this.#records.get(id)
  }

  /** Called after a flush that changed this record or its staleness. */
  onRecord(id: string, listener: () => void): () => void {
    return this.#keyed.add(id, listener)
  }

  /** Called in each flush that changed records, with their ids or 'all', before listeners are notified. */
  onUpdate(update: (ids: Iterable<string> | 'all') => void): () => void {
    this.#updates.add(update)
    return () => void this.#updates.delete(update)
  }

  /** Adds historical records in the next flush, and resolves then. Records already known are newer and stay. */
  add(records: readonly T[]): Promise<void> {
    for (const record of records) this.#added.set(this.kind.idOf(record), record)
    this.port.pending(this)
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Removes a record in the next flush, for removals that no event of this feed reports. */
  drop(id: string): void {
    this.#pending.set(id, undefined)
    this.port.pending(this)
  }

  /** Keeps the records with these ids. Returns a function that releases them. */
  keep(ids: ReadonlySet<string>): () => void {
    this.#lists.add(ids)
    return () => void this.#lists.delete(ids)
  }

  protected replace(records: readonly SnapshotRecord[]): void {
    this.#pending.clear()
    this.#replacement = new Map()
    for (const { type, payload } of records) {
      if (this.kind.carries(type)) this.#replacement.set(this.kind.idOf(payload as T), payload as T)
    }
  }

  protected note({ type, payload }: DashboardEvent): boolean {
    if (this.kind.removes(type)) this.#pending.set(this.kind.idOf(payload as T), undefined)
    else if (this.kind.carries(type)) this.#pending.set(this.kind.idOf(payload as T), payload as T)
    else return false
    return true
  }

  protected apply(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
    const replacement = this.#replacement
    const changed = this.#pending
    const added = this.#added
    this.#replacement = undefined
    this.#pending = new Map()
    this.#added = new Map()
    if (replacement !== undefined) this.#swap(replacement)
    for (const [id, record] of changed) this.#put(id, record)
    for (const [id, record] of added) {
      if (this.#records.has(id) || changed.has(id)) continue
      this.#put(id, record)
      changed.set(id, record)
    }
    if (replacement === undefined && changed.size === 0) return
    // Lists show a page or a snapshot at once, not only when their order is next recomputed.
    const isWhole = replacement !== undefined || added.size > 0
    for (const update of [...this.#updates]) update(isWhole ? 'all' : changed.keys())
    if (replacement === undefined) this.#keyed.tell(changed.keys())
    else this.#keyed.tellAll()
  }

  protected staleness(): void {
    this.#keyed.tellAll()
  }

  #swap(replacement: Map<string, T>): void {
    const before = this.#records
    const settled = this.#settled
    this.#records = replacement
    this.#settled = new Set()
    this.#snapshots++
    for (const id of settled) {
      const record = before.get(id)
      // A snapshot of active records does not include these, and they no longer change.
      if (record !== undefined && !replacement.has(id) && this.#isKept(id)) this.#put(id, record)
    }
  }

  #put(id: string, record: T | undefined): void {
    if (record === undefined) this.#records.delete(id)
    else this.#records.set(id, record)
    if (!this.#isActiveOnly) return
    if (record === undefined || !this.kind.isSettled(record)) this.#settled.delete(id)
    else this.#settled.add(id)
    if (this.#settled.size > MAX_SETTLED) this.#dropSettled()
  }

  #isKept(id: string): boolean {
    return this.#keyed.has(id) || [...this.#lists].some(ids => ids.has(id))
  }

  #dropSettled(): void {
    let excess = this.#settled.size - MAX_SETTLED
    for (const id of this.#settled) {
      if (excess <= 0) return
      if (this.#isKept(id)) continue
      excess--
      this.#settled.delete(id)
      this.#records.delete(id)
    }
  }
}
