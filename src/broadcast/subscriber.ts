import { type ServerPayloads, wireError } from '@fleetwire/protocol'
import { canSeeEntry, canSeeTopic, patternRefusal, seesFleet } from '../auth/permissions.ts'
import type { Principal } from '../auth/principal.ts'
import { EventBatch, type OutboundEvent } from '../frames/frame-encoder.ts'
import type { LogRecord, ReadResult, Snapshot, SnapshotScope } from '../log/event-log.ts'
import type { TurnPace } from '../turn-pace.ts'
import type { Place } from './latest-events.ts'
import type { ReplayPage } from './replay-page.ts'
import type { ReplayPages } from './replay-pages.ts'
import { seqOf } from './seq-of.ts'
import { snapshotParts } from './snapshot-parts.ts'

/** When no more bytes than this are left to replay, new events are held in memory until the replay is done. */
const LAST_LEG_BYTES = 128 * 1024
/** How many bytes of events may be held until then. */
const MAX_HELD_BYTES = 1024 * 1024
/** Before every place in the log. */
const FROM_THE_START = -1
/** How many topics one error names. */
const MAX_NAMED = 20

/**
 * Where a subscriber's frames and events go, in the order in which it sends them. `Connection` and `EventStream` are
 * sinks.
 */
export interface Sink {
  readonly isOpen: boolean
  deliver(batch: EventBatch): void
  /** Like `deliver`, at the pace of the reader: the next call comes only after `drained` resolves. */
  replay(batch: EventBatch): void
  send<K extends 'snapshot' | 'resume:done' | 'resync:required' | 'error'>(type: K, payload: ServerPayloads[K]): void
  /** Resolves when nothing waits to be sent, or the sink is closed. */
  drained(): Promise<void>
}

/** What a subscriber uses of the broadcaster. */
export interface Feed {
  readonly pages: ReplayPages
  /** Limits how many slices of replays are sent per turn. */
  readonly pace: TurnPace
  /**
   * The matching records, and what is open on matching streams, at one place in the order. Resolves when the log has
   * reported everything up to there.
   */
  snapshot(patterns: readonly string[], scope: SnapshotScope): Promise<Snapshot>
  /**
   * Events that are reported but not kept (summaries): the newest of each matching topic, if it was reported after
   * `after` and up to `upTo`. They have the cursor of `upTo`.
   */
  latest(patterns: readonly string[], after: number, upTo: Place): OutboundEvent[]
  /** Cursor of the newest event that the log has reported. */
  readonly position: string
  /** Sends events that the log has reported and that were not yet sent to their receivers. */
  deal(): void
  /**
   * Sets the patterns of a subscriber from now on. Events that were reported before are sent by its earlier patterns.
   */
  place(subscriber: Subscriber, patterns: readonly string[], principal: Principal): void
  forget(subscriber: Subscriber): void
  /** Resolves when the log has reported everything up to this cursor: a read from the store can be ahead of that. */
  reached(cursor: string): Promise<void>
  /** Counts the result of a resume. */
  noteResume(result: string): void
}

export type ResumeOutcome = { resumed: true } | { resumed: false; reason?: string }

type State =
  | { name: 'live' }
  /** New events are dropped, since they will be read from the log. While the last page is read, they are held. */
  | { name: 'catching-up'; held: OutboundEvent[] | undefined }
  | { name: 'closed' }

/** One shared object, since most subscribers are live. */
const LIVE: State = { name: 'live' }

/**
 * Whether a snapshot precedes the events, and of which records. If a cursor is gone, a snapshot is required, and
 * `false` counts as `true`.
 */
export type WantsSnapshot = boolean | 'active'
const scopeOf = (snapshot: WantsSnapshot): SnapshotScope => (snapshot === 'active' ? 'active' : 'all')

type Gone = Extract<ReadResult, { status: 'gone' }>

/**
 * One receiver and its patterns. It gets everything in the order of the log, with snapshots at their place in that
 * order, so it can resume from the last cursor that it saw. While it catches up, it reads the log at the pace of its
 * reader; only the short rest at the end is bridged from memory. It handles one request at a time.
 */
export class Subscriber {
  readonly #feed: Feed
  readonly #sink: Sink
  #principal: Principal
  #patterns: readonly string[] = []
  #state = LIVE
  #last: Promise<void> = Promise.resolve()
  #heldBytes = 0
  /** The scope of snapshots when they start over: `all` if any snapshot had it. */
  #scope: SnapshotScope = 'active'

  constructor(feed: Feed, sink: Sink, principal: Principal) {
    this.#feed = feed
    this.#sink = sink
    this.#principal = principal
  }

  get patterns(): readonly string[] {
    return this.#patterns
  }

  /**
   * Adds patterns that were already checked; with `snapshot`, their records come first. Resolves when the patterns are
   * live.
   */
  subscribe(patterns: readonly string[], snapshot: WantsSnapshot): Promise<void> {
    if (snapshot !== false) return this.#reading(() => this.#join(patterns, scopeOf(snapshot)))
    return this.#inTurn(() => this.#place([...this.#patterns, ...patterns]))
  }

  unsubscribe(patterns: readonly string[]): Promise<void> {
    const unwanted = new Set(patterns)
    return this.#inTurn(() => this.#place(this.#patterns.filter(pattern => !unwanted.has(pattern))))
  }

  /**
   * Continues after a cursor: sends every later event that matches, then `resume:done`, then live events. If that is
   * not possible, it sends snapshots. `onDecided` is called before anything is sent.
   */
  resume(
    cursor: string,
    patterns: readonly string[],
    onDecided: (outcome: ResumeOutcome) => void,
    snapshot: WantsSnapshot = true,
  ): Promise<void> {
    const scope = scopeOf(snapshot)
    const decided = (outcome: ResumeOutcome) => {
      this.#feed.noteResume(outcome.resumed ? 'resumed' : (outcome.reason ?? 'refused'))
      onDecided(outcome)
    }
    return this.#reading(async () => {
      if (this.#patterns.length > 0) {
        decided({ resumed: false, reason: 'subscribed' })
        return this.#join(patterns, scope)
      }
      this.#state = { name: 'catching-up', held: undefined }
      this.#place(patterns)
      // A replay has no summaries. If an earlier replay broke off, the cursor is already past some that the reader
      // never got.
      const gone = await this.#catchUp(cursor, FROM_THE_START, {
        begin: () => decided({ resumed: true }),
        end: reached => this.#sink.send('resume:done', { cursor: reached }),
      })
      if (gone === undefined) return
      if (gone.at === 'once') decided({ resumed: false, reason: gone.reason })
      else this.#sink.send('resync:required', { topics: [...patterns], reason: gone.reason })
      await this.#join(patterns, scope)
    })
  }

  /**
   * The rights of the same holder changed, so everything is checked again. What it may no longer see is not sent from
   * now on, and patterns that it may no longer name are removed. What it may newly see, it must subscribe to.
   */
  refresh(principal: Principal): void {
    this.#principal = principal
    if (this.#state.name !== 'closed') this.#place(this.#patterns)
  }

  /** Called by the broadcaster. */
  deliver(batch: EventBatch): void {
    switch (this.#state.name) {
      case 'live':
        this.#sink.deliver(batch)
        break
      case 'catching-up':
        this.#hold(this.#state, batch)
        break
      case 'closed':
    }
  }

  /** If the events do not fit, they are read from the log instead, like those before them. */
  #hold(state: Extract<State, { name: 'catching-up' }>, batch: EventBatch): void {
    if (state.held === undefined) return
    for (const { event } of batch.events) this.#heldBytes += event.json.length
    if (this.#heldBytes > MAX_HELD_BYTES) state.held = undefined
    else state.held.push(...batch.events)
  }

  close(): void {
    this.#state = { name: 'closed' }
    this.#patterns = []
    this.#feed.forget(this)
  }

  #inTurn(request: () => void | Promise<void>): Promise<void> {
    const done = this.#last.then(() => (this.#over ? undefined : request()))
    this.#last = done.catch(() => {})
    return done
  }

  /** Pages that are read during the request are kept for other subscribers that need them too. */
  #reading(request: () => Promise<void>): Promise<void> {
    return this.#inTurn(() => this.#feed.pages.during(request))
  }

  get #over(): boolean {
    return this.#state.name === 'closed' || !this.#sink.isOpen
  }

  #place(patterns: readonly string[]): void {
    // Checked here too, since rights may have changed after the pattern was requested.
    this.#patterns = [...new Set(patterns)].filter(pattern => patternRefusal(this.#principal, pattern) === undefined)
    this.#feed.place(this, this.#patterns, this.#principal)
  }

  /** Places a snapshot of the new patterns among the events of the old ones, then continues with all of them. */
  async #join(added: readonly string[], scope: SnapshotScope): Promise<void> {
    if (scope === 'all') this.#scope = 'all'
    this.#feed.deal()
    const left = this.#feed.position
    this.#state = { name: 'catching-up', held: undefined }
    const { records, cursor, flawed = [] } = await this.#feed.snapshot(added, scope)
    if (this.#over) return
    if (this.#patterns.length > 0 && !(await this.#replayUpTo(cursor, left))) return this.#startOver(added)
    this.#place([...this.#patterns, ...added])
    // Checked as they are sent, since rights may change while earlier parts are on their way.
    const visible = visibleTo(records, () => this.#principal)
    for (const part of snapshotParts([...added], visible, cursor)) {
      this.#sink.send('snapshot', part)
      // Waits after the last part too: what the log reports while a slow reader takes it is then read from the log and
      // never held in memory.
      await this.#sink.drained()
      if (this.#over) return
    }
    this.#leftOut(flawed)
    // Summaries that were reported since `left` are in the snapshot, but that covers only the new patterns.
    if ((await this.#catchUp(cursor, seqOf(left))) !== undefined) await this.#startOver([])
  }

  /** Retention overtook a slow reader: reports that, and starts again with snapshots. */
  async #startOver(added: readonly string[]): Promise<void> {
    const topics = [...new Set([...this.#patterns, ...added])]
    this.#sink.send('resync:required', { topics, reason: 'expired' })
    this.#place([])
    await this.#join(topics, this.#scope)
  }

  /** Sends what matches the current patterns after `after`, up to `cursor`. False if that is no longer in the log. */
  async #replayUpTo(cursor: string, after: string): Promise<boolean> {
    const last = seqOf(cursor)
    for (let position = after; seqOf(position) < last && !this.#over; ) {
      const page = await this.#read(position)
      if (page.status === 'gone') return false
      await this.#replay(page, last)
      position = page.next
    }
    return true
  }

  /**
   * Replays page by page. While it reads the last page, it holds new events; then it goes live with these, and with the
   * summaries that were reported after `latestAfter`. If the position is no longer in the log, it returns why, and when
   * that was found: `once` on the first read, `later` after something was sent.
   */
  async #catchUp(
    after: string,
    latestAfter: number,
    report?: { begin(): void; end(cursor: string): void },
  ): Promise<{ at: 'once' | 'later'; reason: Gone['reason'] } | undefined> {
    for (let position = after, at: 'once' | 'later' = 'once'; ; at = 'later') {
      this.#feed.deal()
      const held: OutboundEvent[] = []
      this.#heldBytes = 0
      const heldFrom = seqOf(this.#feed.position)
      this.#state = { name: 'catching-up', held }
      const page = await this.#read(position)
      await this.#feed.pace.turn()
      if (this.#over) return undefined
      if (page.status === 'gone') return { at, reason: page.reason }
      if (at === 'once') report?.begin()
      // A page that was read for another subscriber may be older than `held`: then events between the two are missing.
      if (page.done && page.bytes <= LAST_LEG_BYTES && seqOf(page.next) >= heldFrom) {
        await this.#feed.reached(page.next)
        if (this.#over) return undefined
        if (this.#isWhole(held)) {
          this.#goLive({ latestAfter, page, held }, report)
          return undefined
        }
      }
      this.#state = { name: 'catching-up', held: undefined }
      await this.#replay(page)
      if (this.#over) return undefined
      position = page.next
    }
  }

  /** Whether `held` has every event that was reported in the meantime. */
  #isWhole(held: OutboundEvent[]): boolean {
    this.#feed.deal()
    return this.#state.name === 'catching-up' && this.#state.held === held
  }

  #goLive(
    { latestAfter, page, held }: { latestAfter: number; page: ReplayPage; held: OutboundEvent[] },
    report?: { end(cursor: string): void },
  ): void {
    this.#feed.deal()
    for (const slice of page.slices) this.#emit(slice.for(this.#principal))
    this.#leftOut(page.flawed)
    report?.end(page.next)
    const read = seqOf(page.next)
    const latest = this.#feed.latest(this.#patterns, latestAfter, { seq: read, cursor: page.next })
    const after = [...latest, ...held.filter(({ event }) => event.seq > read)]
    const visible = after.filter(({ event }) => canSeeEntry(this.#principal, event))
    if (visible.length > 0) this.#sink.deliver(new EventBatch(visible))
    this.#state = LIVE
  }

  #read(after: string): Promise<ReplayPage | Gone> {
    return this.#feed.pages.read(this.#patterns, after)
  }

  /** Waits after each slice, so that a long replay is never held in memory. */
  async #replay(page: ReplayPage, last?: number): Promise<void> {
    for (const slice of page.slices) {
      await this.#feed.pace.turn()
      if (this.#over) return
      const visible = slice.for(this.#principal)
      this.#emit(last === undefined ? visible : upTo(visible, last))
      await this.#sink.drained()
    }
    this.#leftOut(page.flawed)
  }

  /** Names the topics of records or events that were left out, because no frame can carry them. */
  #leftOut(flawed: readonly string[]): void {
    // A topic that names no agent does not show who may see it.
    const seesAll = seesFleet(this.#principal)
    const topics = [...new Set(flawed)].filter(
      topic => canSeeTopic(this.#principal, topic) && (seesAll || topic.startsWith('agents.')),
    )
    if (topics.length === 0) return
    const named = topics.slice(0, MAX_NAMED)
    const message = `What is stored at ${named.join(', ')}${topics.length > named.length ? ' and others' : ''} does not fit in a frame: it was left out.`
    this.#sink.send('error', wireError('internal', message, { topics: named, count: topics.length }))
  }

  #emit(batch: EventBatch): void {
    if (batch.events.length > 0) this.#sink.replay(batch)
  }
}

function* visibleTo(records: Iterable<LogRecord>, principal: () => Principal): Generator<LogRecord> {
  for (const record of records) if (canSeeEntry(principal(), record)) yield record
}

const upTo = (batch: EventBatch, seq: number) => new EventBatch(batch.events.filter(({ event }) => event.seq <= seq))
