import type { EventPayloads, EventType, KnownEvent, ServerPayloads, WireError, WireEvent } from '@fleetwire/protocol'
import { matchEvent } from '@fleetwire/protocol'
import { messageOf } from '../errors.ts'
import { type Log, silent } from '../log.ts'
import { RecentSet } from '../recent-set.ts'
import { TaskIndex } from './task-index.ts'

/** Events of the protocol by their type, and the `custom:*` ones of backends. */
export type DashboardEvent = KnownEvent | WireEvent<`custom:${string}`>

/** The types of events for which a handler can be added. */
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
  /** The whole present state behind `topics`: it replaces what was known of them. */
  snapshot?(snapshot: { topics: string[]; records: SnapshotRecord[] }): void
  /** Events were missed and cannot be replayed; a `snapshot` follows, or `live`. */
  resync?(reason: string): void
  /** For subscriptions without a snapshot: every event from here on comes. Read what was before only now. */
  live?(): void
  /** The server refused patterns of this subscription. */
  error?(error: WireError): void
}

export interface SubscribeOptions {
  /**
   * `active`: the snapshot may leave out records in which nothing more will happen, such as ended commands. `false`:
   * there is none, only what happens from now on; where events were missed, `resync` says so.
   */
  snapshot?: 'active' | false
}

export type Scope = 'none' | 'active' | 'all'

export interface Entry {
  readonly patterns: readonly string[]
  readonly scope: Scope
  readonly handlers: SubscriptionHandlers
  /** Patterns whose snapshot has not arrived: it includes the events up to it. */
  readonly waiting: Set<string>
}

interface Pattern {
  /** Its snapshot came, so a resume at the cursor includes it. */
  isCovered: boolean
  /** The scope of the snapshot that was requested. */
  asked: Scope | undefined
  /** What the server was told last: a snapshot that it sends by itself has this scope. */
  told: Scope
  entries: number
}

const RECENT_CURSORS = 4096

/**
 * Who wants which events, and from which cursor a connection can resume. Pure bookkeeping: `DashboardClient` acts on
 * it. Cursors are opaque, so a duplicate event is recognised by its cursor being among the recent ones.
 */
export class Subscriptions {
  readonly #entries = new Set<Entry>()
  readonly #patterns = new Map<string, Pattern>()
  readonly #listeners = new Map<string, Set<(event: DashboardEvent) => void>>()
  readonly #log: Log
  #recent = new RecentSet<string>(RECENT_CURSORS)
  readonly #tasks = new TaskIndex()
  /** Snapshots with more parts to come, by their topics. */
  readonly #parts = new Map<string, SnapshotRecord[]>()
  #cursor: string | undefined
  /** Where the log was when the present socket was greeted. */
  #greetedAt: string | undefined

  constructor(options: { cursor?: string | undefined; log?: Log | undefined } = {}) {
    this.#cursor = options.cursor
    this.#log = options.log ?? silent
  }

  /** The position up to which everything subscribed was processed. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /** `hasState`: the caller has the state at the cursor that was given at the start, so no snapshot is needed. */
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
   * Calls the listener with every event of this type that any subscription brings, once. Returns a function that ends
   * it.
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

  /** The patterns that nobody wants any more. One with a requested snapshot is dropped when that has arrived. */
  remove(entry: Entry): string[] {
    if (!this.#entries.delete(entry)) return []
    for (const name of entry.patterns) this.#patterns.get(name)!.entries--
    return this.#dropUnused(entry.patterns)
  }

  /** The server let a new socket in at this place in the log. */
  greeted(cursor: string): void {
    this.#greetedAt = cursor
  }

  /** The server brings these patterns from now on. Returns the patterns that nobody wants any more. */
  subscribed(names: readonly string[]): string[] {
    const covered = names.filter(name => this.#patterns.get(name)?.asked === 'none')
    for (const name of covered) Object.assign(this.#patterns.get(name)!, { asked: undefined, isCovered: true })
    // No snapshot says from where a resume goes on.
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
    // One scope for all: who wants more than the active ones asks again, which costs less than all for everybody.
    const scope = patterns.every(name => this.#scopeOf(name) === 'all') ? 'all' : 'active'
    for (const name of patterns) this.#patterns.get(name)!.told = scope
    return { cursor: this.#cursor, patterns, scope }
  }

  /** The resume was refused: the server sends a snapshot of the patterns that were to be resumed. */
  restarted(reason: string): void {
    const given = [...this.#patterns].filter(([, { isCovered }]) => isCovered).map(([name]) => name)
    this.startOver(reason)
    for (const name of given) this.#markAsked(name)
  }

  /** Nothing is resumed and no snapshot comes by itself. */
  startOver(reason: string): void {
    this.#recent = new RecentSet(RECENT_CURSORS)
    this.#cursor = undefined
    this.#forget([...this.#patterns.keys()], reason)
  }

  /** The patterns to subscribe to now; marks them as asked for. */
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

  /** The server refused these patterns. If that may pass, `ask` names them again. False if nobody has them. */
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
      // A handler may have unsubscribed from it.
      if (pattern !== undefined) pattern.isCovered = false
    }
    for (const entry of [...this.#entries]) this.#settle(entry, refused)
    return refused.length > 0
  }

  /** Joins the parts, so that handlers get one complete snapshot. Returns the patterns that nobody wants any more. */
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
      // Who wants all, and came after the active ones were asked for, waits for a snapshot of its own.
      const fits = (name: string) => entry.scope !== 'all' || !isPartial.has(name)
      const mine = this.#settle(entry, topics.filter(fits))
      if (mine.length === 0) continue
      const matching = due.filter(item => mine.some(name => matchEvent(name, item))).map(({ record }) => record)
      if (this.#entries.has(entry)) this.#call(() => entry.handlers.snapshot?.({ topics: mine, records: matching }))
    }
    // Whatever the other patterns were due up to here came before it (SB11): a resume from an earlier cursor would give
    // its receivers events from before their snapshot.
    this.#cursor = cursor
    return this.#dropUnused(topics)
  }

  /** Passes the event to everybody who wants it; false if it came before. */
  event(event: WireEvent): boolean {
    // A summary has no place of its own in the log: its cursor is that of another event (EV10).
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

  /** The server cannot continue these topics and will send them anew. */
  resync(topics: readonly string[], reason: string): void {
    this.#forget(topics, reason)
    for (const name of topics) this.#markAsked(name)
  }

  /** It waits for these no more. */
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

  /** One who wants all makes it all for everybody: the server keeps one scope for a pattern. */
  #scopeOf(name: string): Scope {
    const isWanted = (wanted: Scope) =>
      [...this.#entries].some(({ patterns, scope }) => scope === wanted && patterns.includes(name))
    return isWanted('all') ? 'all' : isWanted('active') ? 'active' : 'none'
  }

  /** Wanted by somebody and not refused before. */
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
