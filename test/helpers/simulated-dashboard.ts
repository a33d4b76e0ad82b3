import { DashboardClient, type SocketEvents } from '@fleetwire/client'
import { matchEvent, topicKind } from '@fleetwire/protocol'
import type { Clock } from '../../src/clock.ts'
import { decodeCursor } from '../../src/log/cursor.ts'
import type { FleetEvent, LogRecord } from '../../src/log/event-log.ts'
import { isSettled } from '../../src/log/record-key.ts'
import type { ScriptedWire } from './scripted-wire.ts'

type Mark = { kind: 'snapshot'; seq: number } | { kind: 'event'; seq: number }

/** One subscription: the calls of its handlers, and the resulting state. */
class View {
  readonly patterns: readonly string[]
  readonly marks: Mark[] = []
  readonly state = new Map<string, string>()
  unsubscribe = () => {}

  constructor(patterns: readonly string[]) {
    this.patterns = patterns
  }

  matches(event: Pick<FleetEvent, 'topic' | 'taskId'>): boolean {
    return this.patterns.some(pattern => matchEvent(pattern, event))
  }
}

export interface SimulatedDashboardOptions {
  patterns: readonly string[]
  clock: Clock
  random: () => number
  /** Returns undefined if no server answers. */
  dial(rights: string, events: SocketEvents): ScriptedWire | undefined
}

const seqOf = (cursor: string): number => decodeCursor(cursor)!.seq
const canSee = (rights: string, topic: string): boolean =>
  !/^(system|users)\./.test(topic) && (rights === 'wide' || !/^agents\.[cd]\./.test(topic))
/** Whether only the newest event of the topic counts. */
const isState = ({ topic }: Pick<FleetEvent, 'topic'>): boolean => topicKind(topic) !== 'stream'

/** An SDK dashboard that records what it should receive and what it does receive. */
export class SimulatedDashboard {
  readonly patterns: readonly string[]
  readonly client: DashboardClient
  /** Events of its connection that occurred, in short. */
  readonly met: string[] = []
  rights = 'wide'
  /** It does not read from its socket. */
  isFrozen = false
  wire: ScriptedWire | undefined
  readonly #views: View[] = []
  /** By position in the log, the rights of the socket on which the client passed it. */
  readonly #passed: string[] = []
  readonly #flaws: string[] = []
  /** The log position of the frame being handled. */
  #now = 0
  /** The last position on the current wire, which must never decrease. */
  #wireAt = { wire: undefined as ScriptedWire | undefined, seq: 0 }

  constructor({ patterns, clock, random, dial }: SimulatedDashboardOptions) {
    this.patterns = patterns
    this.client = new DashboardClient({
      url: 'ws://fleet/ws',
      token: () => this.rights,
      clock,
      random,
      socket: ({ token }, events) => {
        this.wire = dial(token, events)
        if (this.wire !== undefined) return this.wire.port
        queueMicrotask(() => events.closed({ code: 1006, reason: 'nobody answers' }))
        return { bufferedAmount: 0, send() {}, close() {}, drop() {} }
      },
    })
    this.client.status.subscribe(status => {
      if (status.state === 'waiting') this.met.push(`closed ${status.cause.code}`)
    })
    this.#open(patterns)
    this.client.connect()
  }

  get status(): unknown {
    return this.client.status.value
  }

  /** Inspects a frame before the client gets it. */
  tap(text: string, rights: string): void {
    const { type, id, topic, cursor, payload } = JSON.parse(text)
    const shown: string[] = type === 'snapshot' ? payload.records.map((record: LogRecord) => record.topic) : [topic]
    for (const each of shown)
      if (each !== undefined && !canSee(rights, each)) this.#flaws.push(`${each} was shown to a ${rights} token`)
    if (type === 'resync:required') this.met.push(type)
    if (type === 'connection:established' && id !== undefined)
      this.met.push(payload.resumed ? 'resumed' : `not resumed: ${payload.reason ?? 'new'}`)
    const isAtPlace = cursor !== undefined || type === 'snapshot' || type === 'resume:done'
    if (!isAtPlace) return
    const seq = seqOf(cursor ?? payload.cursor)
    if (this.#wireAt.wire === this.wire && seq < this.#wireAt.seq)
      this.#flaws.push(`${type} ${seq} came after ${this.#wireAt.seq}`)
    this.#wireAt = { wire: this.wire, seq }
    // A summary has no log position, so no client resumes from it.
    if (type === 'agent:summary') return
    this.#now = seq
    if (payload.more) return
    for (let at = this.#passed.length; at <= seq; at++) this.#passed[at] = rights
  }

  /** Adds a subscription, until `leave`. */
  join(pattern: string): void {
    if (this.#views.length < 3) this.#open([pattern])
  }

  leave(): void {
    if (this.#views.length > 1) this.#views.pop()!.unsubscribe()
  }

  hasReached({ seq }: FleetEvent): boolean {
    return this.#views.every(view => (view.marks.at(-1)?.seq ?? -1) >= seq)
  }

  /** Differences between the events that the handlers received and those that they should have received. */
  flaws(events: readonly FleetEvent[]): string[] {
    const flaws = [...this.#flaws]
    for (const view of this.#views) {
      const streams = events.filter(event => !isState(event) && view.matches(event) && this.#wasVisible(event))
      let at: number | undefined
      for (const { kind, seq } of view.marks) {
        if (kind === 'event') {
          if (at === undefined || seq <= at) flaws.push(`${view.patterns}: event ${seq} came after ${at}`)
          const missed = streams.filter(event => event.seq > (at ?? 0) && event.seq < seq)
          if (missed.length > 0) flaws.push(`${view.patterns}: ${missed.map(event => event.seq)} missing before ${seq}`)
        }
        at = seq
      }
      const missed = streams.filter(event => event.seq > (at ?? 0))
      if (missed.length > 0) flaws.push(`${view.patterns}: ${missed.map(event => event.seq)} missing at the end`)
    }
    return flaws
  }

  /** Differences between the state that its handlers built and the log, for topics that every token may see. */
  recordFlaws(records: readonly Pick<LogRecord, 'topic' | 'json'>[]): string[] {
    const truth = new Map(records.map(({ topic, json }) => [topic, json]))
    return this.#views.flatMap(view => {
      const topics = [...new Set([...truth.keys(), ...view.state.keys()])].filter(
        topic => isState({ topic }) && view.matches({ topic }) && canSee('narrow', topic),
      )
      return (
        topics
          .filter(topic => view.state.get(topic) !== truth.get(topic))
          // A snapshot leaves out settled records.
          .filter(topic => view.state.has(topic) || !isSettled(JSON.parse(truth.get(topic)!)))
          .map(topic => `${view.patterns}: ${topic} is ${view.state.get(topic)}, but the log has ${truth.get(topic)}`)
      )
    })
  }

  #open(patterns: readonly string[]): void {
    const view = new View(patterns)
    this.#views.push(view)
    view.unsubscribe = this.client.subscribe(patterns, {
      snapshot: ({ topics, records }) => {
        view.marks.push({ kind: 'snapshot', seq: this.#now })
        for (const topic of view.state.keys())
          if (topics.some(pattern => matchEvent(pattern, { topic }))) view.state.delete(topic)
        for (const { topic, payload } of records) view.state.set(topic, JSON.stringify(payload))
      },
      event: ({ cursor, topic, type, payload }) => {
        if (type !== 'agent:summary') view.marks.push({ kind: 'event', seq: seqOf(cursor) })
        if (type === 'task:deleted') view.state.delete(topic)
        else if (isState({ topic })) view.state.set(topic, JSON.stringify(payload))
      },
    })
  }

  #wasVisible({ seq, topic }: FleetEvent): boolean {
    return canSee(this.#passed[seq] ?? this.rights, topic)
  }
}
