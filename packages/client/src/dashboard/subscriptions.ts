import type { EventPayloads, EventType, KnownEvent, ServerPayloads, WireError, WireEvent } from '@fleetwire/protocol'
import { matchEvent } from '@fleetwire/protocol'
import { messageOf } from '../errors.ts'
import { type Log, silent } from '../log.ts'
import { RecentSet } from '../recent-set.ts'
import { TaskIndex } from './task-index.ts'

/** Protocol events by type, and the `custom:*` events of backends. */
export type DashboardEvent = KnownEvent | WireEvent<`custom:${string}`>

/** The event types for which a handler can be added. */
export type DashboardEventType = EventType | `custom:${string}`
export type EventOf<K extends DashboardEventType> = K extends EventType
  ? Extract<KnownEvent, { type: K }>
  : WireEvent<K>

/** An item of a snapshot: a record, an open message (`message:start` with the text so far) or a `state:snapshot`. */
export type SnapshotRecord = {
  [K in keyof EventPayloads]: { topic: string; type: K; payload: EventPayloads[K] }
}[keyof EventPayloads]

export interface SubscriptionHandlers {
  /** Every event after the snapshot, once, in order. */
  event?(event: DashboardEvent): void
  /** The complete current state of `topics`: replaces what was known about them. */
  snapshot?(snapshot: { topics: string[]; records: SnapshotRecord[] }): void
  /** Events were missed and cannot be replayed. A `snapshot` follows, or `live`. */
  resync?(reason: string): void
  /** Without a snapshot: every event from here on is delivered. Read earlier state only after this. */
  live?(): void
  /** The server refused patterns of this subscription. */
  error?(error: WireError): void
}

export interface SubscribeOptions {
  /**
   * `active`: the snapshot may omit records that will not change any more, such as ended commands. `false`: no
   * snapshot, only events from now on; if events were missed, `resync` reports it.
   */
  snapshot?: 'active' | false
}

export type Scope = 'none' | 'active' | 'all'

export interface Entry {
  readonly patterns: readonly string[]
  readonly scope: Scope
  readonly handlers: SubscriptionHandlers
  /** Patterns whose snapshot has not arrived; it will include the events up to it. */
  readonly waiting: Set<string>
}

interface Pattern {
  /** The snapshot has arrived, so a resume from the cursor includes the pattern. */
  isCovered: boolean
  /** The scope of the snapshot that was requested. */
  asked: Scope | undefined
  /** The scope last sent to the server; it applies to snapshots that the server sends unasked. */
  told: Scope
  entries: number
}

const RECENT_CURSORS = 4096

/**
 * Tracks which subscription needs which events, and from which cursor a connection can resume. Pure bookkeeping:
 * `DashboardClient` acts on it. Cursors are opaque, so an event is a duplicate if its cursor is among the recent ones.
 */
export class Subscriptions {
  readonly #entries = new Set<Entry>()
  readonly #patterns = new Map<string, Pattern>()
  readonly #listeners = new Map<string, Set<(event: DashboardEvent) => void>>()
  readonly #log: Log
  #recent = new RecentSet<string>(RECENT_CURSORS)
  readonly #tasks = new TaskIndex()
  /** Incomplete snapshots, by topics. */
  readonly #parts = new Map<string, SnapshotRecord[]>()
  #cursor: string | undefined
  /** The server's cursor when the current socket was greeted. */
  #greetedAt: string | undefined

  constructor(options: { cursor?: string | undefined; log?: Log | undefined } = {}) {
    this.#cursor = options.cursor
    this.#log = options.log ?? silent
  }

  /** The position up to which everything subscribed has been processed. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /** `hasState`: the caller already has the state at the initial cursor, so no snapshot is needed. */
  add(
    patterns: readonly string[],
    handlers: SubscriptionHandlers,
    { hasState = false, scope = 'all' }: { hasState?: boolean; scope?: Scope } = {},
  ): Entry {
    const resumed = hasState && this.#cursor !== undefined
    const comes = (name: string) => scope === 'none' && this.#patterns.get(name)?.isCovered === true
    const entry: Entry = {
      ...{ patterns, scope, handlers },
      waiting: new Set(resumed ? [] : patterns.filter(name => !comes(name))),
    }
    this.#entries.add(entry)
    for (const name of patterns) {
      const pattern = this.#patterns.get(name) ?? { isCovered: resumed, asked: undefined, told: scope, entries: 0 }
      pattern.entries++
      this.#patterns.set(name, pattern)
    }
    return entry
  }

  /**
   * Calls the listener once with every event of this type that any subscription delivers. Returns a function that
   * removes it.
   */
  on<K extends DashboardEventType>(type: K, listener: (event: EventOf<K>) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners)
    const own = (event: DashboardEvent) => listener(event as EventOf<K>)
    listeners.add(own)
    return () => {
      listeners.delete(own)
      if (listeners.size === 0 && this.#listeners.get(type) === listeners) this.#listeners.delete(type)
    }
  }

  /** Returns the patterns no longer needed. A pattern with a requested snapshot is kept until it arrives. */
  remove(entry: Entry): string[] {
    if (!this.#entries.delete(entry)) return []
    for (const name of entry.patterns) this.#patterns.get(name)!.entries--
    return this.#dropUnused(entry.patterns)
  }

  /** The server accepted a new socket at this position in the log. */
  greeted(cursor: string): void {
    this.#greetedAt = cursor
  }

  /** The server delivers these patterns from now on. Returns the patterns that are no longer needed. */
  subscribed(names: readonly string[]): string[] {
    const covered = names.filter(name => this.#patterns.get(name)?.asked === 'none')
    for (const name of covered) Object.assign(this.#patterns.get(name)!, { asked: undefined, isCovered: true })
    // Without a snapshot, a resume starts where the socket was greeted.
    if (covered.length > 0) this.#cursor ??= this.#greetedAt
    for (const entry of [...this.#entries]) if (entry.scope === 'none') this.#settle(entry, covered)
    return this.#dropUnused(names)
  }

  /** What a new socket resumes; undefined if nothing can be resumed. */
  resumable(): { cursor: string; patterns: string[]; scope: 'active' | 'all' } | undefined {
    this.#parts.clear()
    for (const [name, pattern] of this.#patterns) {
      pattern.asked = undefined
      if (pattern.entries === 0) this.#patterns.delete(name)
      else if (!pattern.isCovered) this.#await(name, pattern)
    }
    const patterns = [...this.#patterns].filter(([, { isCovered }]) => isCovered).map(([name]) => name)
    if (this.#cursor === undefined || patterns.length === 0) return undefined
    // One scope for all patterns. A subscription that needs all records requests them again, which costs less than
    // sending everything for every pattern.
    const scope = patterns.every(name => this.#scopeOf(name) === 'all') ? 'all' : 'active'
    for (const name of patterns) this.#patterns.get(name)!.told = scope
    return { cursor: this.#cursor, patterns, scope }
  }

  /** The resume was refused: the server sends a snapshot of the patterns to be resumed. */
  restarted(reason: string): void {
    const given = [...this.#patterns].filter(([, { isCovered }]) => isCovered).map(([name]) => name)
    this.startOver(reason)
    for (const name of given) this.#markAsked(name)
  }

  /** Nothing is resumed, and the server sends no snapshot unasked. */
  startOver(reason: string): void {
    this.#recent = new RecentSet(RECENT_CURSORS)
    this.#cursor = undefined
    this.#forget([...this.#patterns.keys()], reason)
  }

  /** Returns the patterns to subscribe to now, and marks them as requested. */
  ask(): Record<Scope, string[]> {
    const names: Record<Scope, string[]> = { none: [], active: [], all: [] }
    for (const entry of this.#entries) {
      for (const name of entry.waiting) {
        const pattern = this.#patterns.get(name)!
        if (pattern.asked !== undefined) continue
        pattern.asked = this.#scopeOf(name)
        pattern.told = pattern.asked
        names[pattern.asked].push(name)
      }
    }
    return names
  }

  /** The server refused these patterns. `ask` returns them again if retryable. False if no subscription has them. */
  refused(names: readonly string[], error: WireError): boolean {
    const refused = names.filter(name => this.#isOpen(name))
    for (const name of refused) this.#patterns.get(name)!.asked = undefined
    for (const entry of [...this.#entries]) {
      if (!entry.patterns.some(name => refused.includes(name))) continue
      this.#call(() => entry.handlers.error?.(error))
    }
    if (error.retryable) return refused.length > 0
    for (const name of refused) {
      const pattern = this.#patterns.get(name)
      // A handler may have unsubscribed.
      if (pattern !== undefined) pattern.isCovered = false
    }
    for (const entry of [...this.#entries]) this.#settle(entry, refused)
    return refused.length > 0
  }

  /** Joins the parts, so that handlers get one complete snapshot. Returns the patterns that are no longer needed. */
  snapshot({ topics, records, cursor, more }: ServerPayloads['snapshot']): string[] {
    const key = topics.join()
    const whole = [...(this.#parts.get(key) ?? []), ...(records as SnapshotRecord[])]
    if (more) {
      this.#parts.set(key, whole)
      return []
    }
    this.#parts.delete(key)
    const isPartial = new Set(topics.filter(name => this.#patterns.get(name)?.asked === 'active'))
    for (const name of topics) {
      const pattern = this.#patterns.get(name)
      if (pattern === undefined) continue
      pattern.asked = undefined
      pattern.isCovered = true
    }
    const due = whole.map(record => ({ record, topic: record.topic, taskId: this.#tasks.taskOf(record.payload) }))
    for (const entry of [...this.#entries]) {
      // A subscription for all records that was added after an `active` request waits for its own snapshot.
      const fits = (name: string) => entry.scope !== 'all' || !isPartial.has(name)
      const mine = this.#settle(entry, topics.filter(fits))
      if (mine.length === 0) continue
      const matching = due.filter(item => mine.some(name => matchEvent(name, item))).map(({ record }) => record)
      if (this.#entries.has(entry)) this.#call(() => entry.handlers.snapshot?.({ topics: mine, records: matching }))
    }
    // Events of the other patterns up to here arrived before this snapshot (SB11). Resuming from an earlier cursor
    // would deliver events from before the snapshot.
    this.#cursor = cursor
    return this.#dropUnused(topics)
  }

  /** Passes the event to all matching subscriptions; false for a duplicate. */
  event(event: WireEvent): boolean {
    // A summary has no position in the log: its cursor is another event's (EV10).
    const isLogged = event.type !== 'agent:summary'
    if (isLogged && !this.#recent.add(event.cursor)) return false
    const due = { topic: event.topic, taskId: this.#tasks.taskOf(event.payload) }
    for (const entry of [...this.#entries]) {
      if (!entry.patterns.some(name => !entry.waiting.has(name) && matchEvent(name, due))) continue
      if (this.#entries.has(entry)) this.#call(() => entry.handlers.event?.(event as DashboardEvent))
    }
    for (const listener of [...(this.#listeners.get(event.type) ?? [])]) {
      this.#call(() => listener(event as DashboardEvent))
    }
    if (isLogged) this.#cursor = event.cursor
    return true
  }

  /** The replay is complete. */
  resumed(cursor: string): void {
    this.#cursor = cursor
  }

  /** The server cannot continue these topics and will send their state again. */
  resync(topics: readonly string[], reason: string): void {
    this.#forget(topics, reason)
    for (const name of topics) this.#markAsked(name)
  }

  /** The entry no longer waits for these patterns. Returns those that it waited for and whose snapshot it needs. */
  #settle(entry: Entry, names: readonly string[]): string[] {
    const mine = names.filter(name => entry.waiting.delete(name))
    if (entry.scope !== 'none') return mine
    if (mine.length > 0 && entry.waiting.size === 0) this.#call(() => entry.handlers.live?.())
    return []
  }

  #markAsked(name: string): void {
    const pattern = this.#patterns.get(name)
    if (pattern !== undefined) pattern.asked = pattern.told
  }

  /** The widest scope that any subscription needs: the server keeps one scope per pattern. */
  #scopeOf(name: string): Scope {
    const isWanted = (wanted: Scope) =>
      [...this.#entries].some(({ patterns, scope }) => scope === wanted && patterns.includes(name))
    return isWanted('all') ? 'all' : isWanted('active') ? 'active' : 'none'
  }

  /** Needed by a subscription and not refused before. */
  #isOpen(name: string): boolean {
    const pattern = this.#patterns.get(name)
    if (pattern === undefined) return false
    return pattern.isCovered || [...this.#entries].some(({ waiting }) => waiting.has(name))
  }

  #forget(topics: readonly string[], reason: string): void {
    for (const name of topics) {
      const pattern = this.#patterns.get(name)
      if (pattern !== undefined) this.#await(name, pattern)
    }
    for (const entry of [...this.#entries]) {
      if (entry.patterns.some(name => topics.includes(name))) this.#call(() => entry.handlers.resync?.(reason))
    }
  }

  #await(name: string, pattern: Pattern): void {
    pattern.isCovered = false
    for (const entry of this.#entries) if (entry.patterns.includes(name)) entry.waiting.add(name)
  }

  #dropUnused(patterns: readonly string[]): string[] {
    const unused = patterns.filter(name => {
      const pattern = this.#patterns.get(name)
      return pattern !== undefined && pattern.entries === 0 && pattern.asked === undefined
    })
    for (const name of unused) this.#patterns.delete(name)
    return unused
  }

  /** A handler that throws must not keep the event from the others. */
  #call(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#log('error', 'a subscription handler threw', { error: messageOf(error) })
    }
  }
}
