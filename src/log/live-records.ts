import { recordKind } from '@fleetwire/protocol'
import { eachRecord } from './each-record.ts'
import type { EventLog, FleetEvent, RecordQuery, Unfollow } from './event-log.ts'

export interface LiveRecordsOptions<T> {
  log: Pick<EventLog, 'follow' | 'list'>
  /** The kind of records, including the server's own (`$…`). Such records must never be deleted. */
  kind: string
  /** Field values that all records to be held have, to narrow the initial listing. */
  where?: RecordQuery['where']
  /** Include records that no frame can carry, truncated: see `start`. */
  flawed?: boolean
  keyOf: (value: T) => string
  /** Whether to hold a record. A held record is dropped when this becomes false. */
  isLive: (value: T) => boolean
  /** Updates what is derived from the held records. Called before any listener; undefined: not held. */
  onHeld?: (after: T | undefined, before: T | undefined) => void
}

/** A record from the log, with the version that the next change must expect. */
export interface LiveRecord<T> {
  readonly value: T
  readonly version: number
}

/**
 * Called for every change of a record of the kind, in log order, whoever made it. `before` is absent for a record that
 * was not held.
 */
export type RecordListener<T> = (after: T, before: T | undefined) => void

/** The kind of a record of the server's own is the first token of its topic. */
const isOf = (kind: string, topic: string): boolean =>
  kind.startsWith('$') ? topic.startsWith(`${kind}.`) : recordKind(topic) === kind

/** Keeps the live records of one kind in memory by following the log. */
export class LiveRecords<T> {
  readonly #options: LiveRecordsOptions<T>
  readonly #held = new Map<string, LiveRecord<T>>()
  readonly #listeners = new Set<RecordListener<T>>()
  /**
   * During the initial listing: records that changed and were dropped, with their versions, since a page read earlier
   * may still contain them.
   */
  #gone: Map<string, number> | undefined
  #unfollow: Unfollow | undefined
  #started: Promise<T[]> | undefined

  constructor(options: LiveRecordsOptions<T>) {
    this.#options = options
  }

  /**
   * Resolves when all records are held, with those that no frame can carry, truncated. Starts empty, also after a stop.
   */
  start(): Promise<T[]> {
    this.#started ??= this.#load()
    return this.#started
  }

  /** Listeners stay for the next start. */
  stop(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.#gone = undefined
    this.#started = undefined
  }

  onChange(listener: RecordListener<T>): () => void {
    const entry: RecordListener<T> = (after, before) => listener(after, before)
    this.#listeners.add(entry)
    return () => {
      this.#listeners.delete(entry)
    }
  }

  get(key: string): LiveRecord<T> | undefined {
    return this.#held.get(key)
  }

  *values(): Iterable<T> {
    for (const { value } of this.#held.values()) yield value
  }

  /** Drops a record that is no longer needed, whatever its state, until it changes. */
  forget(key: string): void {
    const version = this.#held.get(key)?.version
    if (version !== undefined) this.#gone?.set(key, version)
    this.#hold(key, undefined)
  }

  /** Follows first and then lists, so that no change in between is missed. */
  async #load(): Promise<T[]> {
    const { log, kind, where, flawed = false, keyOf, isLive } = this.#options
    for (const key of [...this.#held.keys()]) this.#hold(key, undefined)
    const gone = new Map<string, number>()
    this.#gone = gone
    this.#unfollow = log.follow(events => this.#fold(events))
    const cut: T[] = []
    for await (const { payload, version, flaw } of eachRecord(log, { kind, flawed, ...(where && { where }) })) {
      // Stopped in the meantime, and perhaps started again.
      if (this.#gone !== gone) return cut
      if (payload === null) continue
      const value = payload as T
      if (flaw !== undefined) cut.push(value)
      const known = this.#held.get(keyOf(value))?.version ?? gone.get(keyOf(value)) ?? 0
      if (version > known && isLive(value)) this.#hold(keyOf(value), { value, version })
    }
    this.#gone = undefined
    return cut
  }

  #fold(events: readonly FleetEvent[]): void {
    const { kind, keyOf, isLive } = this.#options
    const faults: unknown[] = []
    for (const { topic, payload, seq } of events) {
      if (!isOf(kind, topic)) continue
      const after = payload as T
      const key = keyOf(after)
      const before = this.#held.get(key)
      if (before !== undefined && before.version >= seq) continue
      this.#hold(key, isLive(after) ? { value: after, version: seq } : undefined)
      if (!this.#held.has(key)) this.#gone?.set(key, seq)
      for (const listener of this.#listeners) {
        try {
          listener(after, before?.value)
        } catch (error) {
          faults.push(error)
        }
      }
    }
    // Thrown last, so that a failing listener does not cost the others any of these events.
    if (faults.length > 0) throw faults[0]
  }

  #hold(key: string, entry: LiveRecord<T> | undefined): void {
    const before = this.#held.get(key)?.value
    if (entry === undefined) this.#held.delete(key)
    else this.#held.set(key, entry)
    if (entry !== undefined || before !== undefined) this.#options.onHeld?.(entry?.value, before)
  }
}
