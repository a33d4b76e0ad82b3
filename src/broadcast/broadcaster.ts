import { agentOf } from '../auth/permissions.ts'
import type { Principal } from '../auth/principal.ts'
import type { FlushScheduler } from '../connections/flush-scheduler.ts'
import type { FrameCompressor } from '../frames/frame-compressor.ts'
import { EventBatch, OutboundEvent } from '../frames/frame-encoder.ts'
import { LATEST } from '../log/draft.ts'
import type { EventLog, FleetEvent, Snapshot, SnapshotScope, Unfollow } from '../log/event-log.ts'
import { TurnPace } from '../turn-pace.ts'
import { LatestEvents, type Place } from './latest-events.ts'
import { ReplayPages } from './replay-pages.ts'
import { seqOf } from './seq-of.ts'
import { type Feed, type Sink, Subscriber } from './subscriber.ts'
import { type Audience, SubscriptionIndex } from './subscription-index.ts'

/** How many slices of replays are sent in one turn of the event loop: a few ms of writing. */
const SLICES_PER_TURN = 8

/** The events that some audiences share in this turn, as a path: each node adds one event to those of its parent. */
class Due {
  readonly #parent: Due | undefined
  readonly #event: OutboundEvent | undefined
  #next: { event: OutboundEvent; due: Due } | undefined
  #batch: EventBatch | undefined

  constructor(parent?: Due, event?: OutboundEvent) {
    this.#parent = parent
    this.#event = event
  }

  /** Events are dealt one at a time, so audiences with equal paths so far also share the longer one. */
  with(event: OutboundEvent): Due {
    if (this.#next?.event !== event) this.#next = { event, due: new Due(this, event) }
    return this.#next.due
  }

  get batch(): EventBatch {
    this.#batch ??= new EventBatch(this.#events())
    return this.#batch
  }

  #events(): OutboundEvent[] {
    const events: OutboundEvent[] = []
    for (let due: Due | undefined = this; due !== undefined; due = due.#parent) if (due.#event) events.push(due.#event)
    return events.reverse()
  }
}

export interface BroadcasterOptions {
  log: EventLog
  /** Takes snapshots that hold more than records, such as what is open on streams. Default: the log. */
  snapshots?: Pick<EventLog, 'snapshot'> | undefined
  flusher: FlushScheduler
  /** Present if clients may ask for compression. Replays are not compressed. */
  compressor?: FrameCompressor | undefined
}

/**
 * Follows the log and sends its events to subscribers. Events that the log reports during one turn of the event loop
 * are sent at its end: connections that are due the same events get the same bytes, whatever else they subscribe to.
 */
export class Broadcaster implements Feed {
  readonly log: EventLog
  readonly #snapshots: Pick<EventLog, 'snapshot'>
  readonly pages: ReplayPages
  readonly pace: TurnPace
  readonly #flusher: FlushScheduler
  readonly #compressor: FrameCompressor | undefined
  readonly #index = new SubscriptionIndex<Subscriber>()
  readonly #latest = new LatestEvents()
  #pending: FleetEvent[] = []
  #position: string
  #seq: number
  #waiting: { seq: number; resolve: () => void }[] = []
  #unfollow: Unfollow | undefined
  #delivered = 0
  readonly #resumes = new Map<string, number>()

  constructor({ log, snapshots = log, flusher, compressor }: BroadcasterOptions) {
    this.log = log
    this.#snapshots = snapshots
    this.pages = new ReplayPages(log)
    this.pace = new TurnPace(SLICES_PER_TURN, callback => flusher.afterTurn(callback))
    this.#flusher = flusher
    this.#compressor = compressor
    this.#position = log.head
    this.#seq = seqOf(log.head)
  }

  start(): void {
    if (this.#unfollow !== undefined) return
    this.#position = this.log.head
    this.#seq = seqOf(this.log.head)
    this.#unfollow = this.log.follow(events => this.#told(events))
    this.#flusher.first = () => this.deal()
  }

  stop(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.#flusher.first = undefined
    this.#pending = []
  }

  get position(): string {
    return this.#position
  }

  async snapshot(patterns: readonly string[], scope: SnapshotScope): Promise<Snapshot> {
    const snapshot = await this.#snapshots.snapshot(patterns, scope)
    // The store can be ahead of what the log has reported, and only reported events are known here.
    await this.reached(snapshot.cursor)
    const latest = this.#latest.records(patterns)
    return latest.length === 0 ? snapshot : { ...snapshot, records: [...snapshot.records, ...latest] }
  }

  latest(patterns: readonly string[], after: number, upTo: Place): OutboundEvent[] {
    return this.#latest.toldBetween(patterns, after, upTo)
  }

  /** Adds a subscriber, which writes to `sink`. The caller must close it. */
  attach(sink: Sink, principal: Principal): Subscriber {
    return new Subscriber(this, sink, principal)
  }

  place(subscriber: Subscriber, patterns: readonly string[], principal: Principal): void {
    this.deal()
    this.#index.set(subscriber, patterns, principal)
  }

  forget(subscriber: Subscriber): void {
    this.#index.delete(subscriber)
  }

  reached(cursor: string): Promise<void> {
    const seq = seqOf(cursor)
    if (this.#seq >= seq) return Promise.resolve()
    return new Promise(resolve => this.#waiting.push({ seq, resolve }))
  }

  noteResume(result: string): void {
    this.#resumes.set(result, (this.#resumes.get(result) ?? 0) + 1)
  }

  /** `resumes` by result: `resumed`, or the reason why a resume was not possible. */
  stats() {
    return {
      subscribers: this.#index.size,
      deliveredEvents: this.#delivered,
      compressedEvents: this.#compressor?.frames ?? 0,
      resumes: Object.fromEntries(this.#resumes),
    }
  }

  deal(): void {
    if (this.#pending.length === 0) return
    const pending = this.#pending
    this.#pending = []
    const root = new Due()
    const dues = new Map<Audience<Subscriber>, Due>()
    for (const event of pending) {
      const audiences = this.#index.audiencesOf(event.topic, event.taskId, agentOf(event))
      if (audiences.length === 0) continue
      const outbound = new OutboundEvent(event, this.#compressor)
      for (const audience of audiences) dues.set(audience, (dues.get(audience) ?? root).with(outbound))
    }
    for (const [{ members }, { batch }] of dues) {
      this.#delivered += members.size * batch.events.length
      for (const member of members) member.deliver(batch)
    }
  }

  #told(events: readonly FleetEvent[]): void {
    const last = events.at(-1)
    if (last === undefined) return
    this.#position = last.cursor
    this.#seq = last.seq
    for (const event of events) {
      if (!event.topic.startsWith(LATEST)) this.#pending.push(event)
      else if (event.payload === null) this.#latest.delete(event.topic.slice(LATEST.length))
      else this.#toldLatest({ ...event, topic: event.topic.slice(LATEST.length) })
    }
    this.#flusher.arm()
    if (this.#waiting.length === 0) return
    const reached = this.#waiting.filter(({ seq }) => seq <= this.#seq)
    this.#waiting = this.#waiting.filter(({ seq }) => seq > this.#seq)
    for (const { resolve } of reached) resolve()
  }

  #toldLatest(event: FleetEvent): void {
    this.#latest.set(new OutboundEvent(event))
    this.#pending.push(event)
  }
}
