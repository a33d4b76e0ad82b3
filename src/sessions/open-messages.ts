import { type EventPayloads, matchEvent, type TranscriptItem, topics } from '@fleetwire/protocol'
import { decodeCursor, encodeCursor } from '../log/cursor.ts'
import { draftOf } from '../log/draft.ts'
import { eachRecord } from '../log/each-record.ts'
import type {
  EventDraft,
  EventLog,
  FleetEvent,
  LogRecord,
  Snapshot,
  SnapshotScope,
  Unfollow,
} from '../log/event-log.ts'
import { abandoned, advance, charsOf, eventsSoFar, isStreamEvent, keyOf, type StreamEvent } from './stream-item.ts'

/** The open items of one session. Items are replaced and never mutated, so a reference to one stays unchanged. */
interface Stream {
  agentId: string
  sessionId: string
  items: Map<string, TranscriptItem>
}

/** How much an agent holds open, and in which streams. */
interface Tally {
  topics: Set<string>
  items: number
  chars: number
}

const NOTHING = { items: 0, chars: 0 }

/** A snapshot in progress. It holds no more than it will show, however long the log takes. */
interface Taking {
  fits: (event: { topic: string; taskId?: string | undefined }) => boolean
  /** By topic in the log: the newest version that was listed or received. */
  states: Map<string, LogRecord>
  /** The position at which the log took its records; infinite until it is known. */
  upTo: number
  /** Called when everything up to that position has been received, and nothing after it. */
  onReached: () => void
}

interface OpenItem {
  item: TranscriptItem
  stream: Pick<Stream, 'agentId' | 'sessionId'>
}

type OpenStart = Omit<EventPayloads['message:start'], 'text'> | Omit<EventPayloads['tool:start'], 'args'>

/** The server's own mark for an item that was started and has not ended. Its payload is the start, without text. */
const OPEN = '$open'
const STATE = '$state'
const PAGE = 500
/** Small, since states are large. */
const STATE_PAGE = 32

const openTopic = (agentId: string, sessionId: string, key: string) =>
  `${OPEN}.${agentId}.${sessionId}.${key.replace(' ', '.')}`
export const stateTopic = (agentId: string, sessionId: string) => `${STATE}.${agentId}.${sessionId}`

/**
 * The open items of the streams of sessions, kept in memory by following the log: unfinished messages with their text
 * so far, and tool calls. Each open item has a record of the server's own, written with its start and deleted with its
 * end, so that a restart reads the log only from the oldest open start.
 */
export class OpenMessages {
  readonly #log: EventLog
  readonly #streams = new Map<string, Stream>()
  readonly #agents = new Map<string, Tally>()
  readonly #takings = new Set<Taking>()
  #told = 0
  #unfollow: Unfollow | undefined

  constructor({ log }: { log: EventLog }) {
    this.#log = log
  }

  /** Follows first and then reads, so that nothing in between is missed. */
  async start(): Promise<void> {
    if (this.#unfollow !== undefined) return
    this.#told = seqOf(this.#log.head)
    const meanwhile: FleetEvent[] = []
    this.#unfollow = this.#log.follow(events => meanwhile.push(...events))
    const upTo = await this.#restore()
    this.#unfollow()
    this.#unfollow = this.#log.follow(events => this.#onEvents(events))
    this.#told = Math.max(this.#told, upTo)
    this.#onEvents(meanwhile.filter(({ seq }) => seq > upTo))
  }

  stop(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
  }

  get(agentId: string, sessionId: string, key: string): TranscriptItem | undefined {
    return this.#streams.get(topics.sessionMessages(agentId, sessionId))?.items.get(key)
  }

  /** How much the agent holds open. */
  tally(agentId: string): { readonly items: number; readonly chars: number } {
    return this.#agents.get(agentId) ?? NOTHING
  }

  /** Drafts that end everything that an agent, or one of its sessions, has open. */
  closing(agentId: string, sessionId?: string): EventDraft[] {
    const named =
      sessionId === undefined ? this.#agents.get(agentId)?.topics : [topics.sessionMessages(agentId, sessionId)]
    const streams = [...(named ?? [])].flatMap(topic => this.#streams.get(topic) ?? [])
    return streams.flatMap(stream => [...stream.items.values()].flatMap(item => draftsOf(abandoned(item, stream))))
  }

  /**
   * The records of the log together with the items that were open at the same position. The log reports the position of
   * its records; the open items are read when exactly the events up to there have been received.
   */
  async snapshot(patterns: readonly string[], scope?: SnapshotScope): Promise<Snapshot> {
    if (!patterns.some(meetsStreams)) return this.#log.snapshot(patterns, scope)
    const fits: Taking['fits'] = ({ topic, taskId }) =>
      patterns.some(pattern => matchEvent(pattern, { topic, ...(taskId !== undefined && { taskId }) }))
    const taking: Taking = { fits, states: new Map(), upTo: Number.POSITIVE_INFINITY, onReached: () => {} }
    this.#takings.add(taking)
    try {
      await this.#listStates(patterns, taking)
      const { records, cursor, flawed } = await this.#log.snapshot(patterns, scope)
      // Later events have already been received, so the moment is missed: takes another snapshot.
      if (this.#told > seqOf(cursor)) return await this.snapshot(patterns, scope)
      const items = await this.#itemsAt(seqOf(cursor), taking)
      const open = items.flatMap(({ item, stream }) =>
        eventsSoFar(item, stream)
          .map(event => recordOf(event, item.startedAt))
          .filter(({ topic }) => fits({ topic, taskId: item.taskId })),
      )
      const states = [...taking.states.values()].map(shownState)
      return { records: [...records, ...states, ...open], cursor, ...(flawed && { flawed }) }
    } finally {
      this.#takings.delete(taking)
    }
  }

  async #listStates(patterns: readonly string[], taking: Taking): Promise<void> {
    const named = patterns.filter(meetsStreams).map(pattern => pattern.split('.')[1] ?? '>')
    const agentId = named.every(id => id !== '*' && id !== '>') ? { agentId: [...new Set(named)] } : {}
    for await (const record of eachRecord(this.#log, { kind: STATE, where: agentId }, STATE_PAGE))
      putState(taking, record)
  }

  /** The items open at a position that followers have reached or will soon reach. */
  #itemsAt(seq: number, taking: Taking): Promise<OpenItem[]> {
    if (this.#told >= seq) return Promise.resolve(this.#openItems())
    taking.upTo = seq
    return new Promise(resolve => {
      taking.onReached = () => resolve(this.#openItems())
    })
  }

  /** Items are never mutated, so a list of them preserves this moment. */
  #openItems(): OpenItem[] {
    return [...this.#streams.values()].flatMap(stream => [...stream.items.values()].map(item => ({ item, stream })))
  }

  /** Resolves with the position up to which the log was read. */
  async #restore(): Promise<number> {
    let oldest = Number.POSITIVE_INFINITY
    for await (const record of eachRecord(this.#log, { kind: OPEN })) {
      oldest = Math.min(oldest, record.version)
      this.#put(record.payload as OpenStart, record.at)
    }
    if (oldest === Number.POSITIVE_INFINITY) return this.#told
    // The start itself comes directly before its mark.
    let after: string | undefined = encodeCursor(this.#log.epoch, oldest - 2)
    for (;;) {
      const read = await this.#log.read({ topics: [STREAMS], limit: PAGE, ...(after && { after }) })
      if (read.status === 'gone') {
        // Retention removed the start: what is left of the text is better than none.
        after = undefined
        continue
      }
      for (const event of read.events) this.#apply(event)
      if (read.done) return seqOf(read.next)
      after = read.next
    }
  }

  #put(start: OpenStart, at: number): void {
    const type = 'toolCallId' in start ? 'tool:start' : 'message:start'
    const topic = topics.sessionMessages(start.agentId, start.sessionId)
    this.#apply({ type, topic, payload: start, at })
  }

  #onEvents(events: readonly FleetEvent[]): void {
    for (const event of events) {
      // A batch may continue beyond the position of a snapshot.
      this.#reach(event.seq - 1)
      for (const taking of this.#takings) noteState(taking, event)
      this.#apply(event)
      this.#told = event.seq
    }
    this.#reach(this.#told)
  }

  #reach(seq: number): void {
    for (const taking of this.#takings) {
      if (taking.upTo > seq) continue
      this.#takings.delete(taking)
      taking.onReached()
    }
  }

  #apply(event: Folded): void {
    const changed = fold(this.#streams, event)
    if (changed === undefined) return
    const { agentId, before, after } = changed
    const tally = this.#agents.get(agentId) ?? { topics: new Set(), items: 0, chars: 0 }
    tally.chars += (after ? charsOf(after) : 0) - (before ? charsOf(before) : 0)
    // Most events continue an item that is open.
    if (before !== undefined && after !== undefined) return
    tally.items += Number(after !== undefined) - Number(before !== undefined)
    if (this.#streams.has(event.topic)) tally.topics.add(event.topic)
    else tally.topics.delete(event.topic)
    if (tally.topics.size > 0) this.#agents.set(agentId, tally)
    else this.#agents.delete(agentId)
  }
}

const STREAMS = 'agents.*.sessions.*.messages'

/** A list can be ahead of the received events: the newer of the two counts. */
function putState({ fits, states }: Taking, record: LogRecord): void {
  const known = states.get(record.topic)
  if ((known === undefined || known.version < record.version) && fits(shownState(record)))
    states.set(record.topic, record)
}

function noteState(taking: Taking, event: FleetEvent): void {
  if (event.type === 'state:stored') putState(taking, asRecord(event))
  else if (event.type === 'state:removed' && (taking.states.get(event.topic)?.version ?? 0) < event.seq)
    taking.states.delete(event.topic)
}

type Folded = Pick<FleetEvent, 'type' | 'topic' | 'payload' | 'at'>

/** Applies an event to its item. Returns the item before and after. */
function fold(
  streams: Map<string, Stream>,
  event: Folded,
): { agentId: string; before: TranscriptItem | undefined; after: TranscriptItem | undefined } | undefined {
  if (!isStreamEvent(event)) return undefined
  const { agentId, sessionId } = event.payload
  const stream = streams.get(event.topic) ?? { agentId, sessionId, items: new Map<string, TranscriptItem>() }
  const key = keyOf(event)
  const before = stream.items.get(key)
  const advanced = advance(before, event, event.at)
  const after = advanced?.state === 'open' ? advanced : undefined
  if (after !== undefined) stream.items.set(key, after)
  else stream.items.delete(key)
  if (before === undefined || after === undefined) {
    if (stream.items.size > 0) streams.set(event.topic, stream)
    else streams.delete(event.topic)
  }
  return { agentId, before, after }
}

/** The draft of a stream event, together with the mark that its item is open. */
export function draftsOf(event: StreamEvent): EventDraft[] {
  const { agentId, sessionId, taskId } = event.payload
  const topic = topics.sessionMessages(agentId, sessionId)
  const draft = draftOf(event.type, topic, event.payload, taskId === undefined ? {} : { taskId })
  const mark = openTopic(agentId, sessionId, keyOf(event))
  switch (event.type) {
    case 'message:start': {
      const { text, ...payload } = event.payload
      return [draft, { type: 'open:stored', topic: mark, payload, record: 'set' }]
    }
    case 'tool:start': {
      const { args, ...payload } = event.payload
      return [draft, { type: 'open:stored', topic: mark, payload, record: 'set' }]
    }
    case 'message:end':
    case 'tool:end':
      return [draft, { type: 'open:removed', topic: mark, payload: null, record: 'delete' }]
    case 'message:delta':
    case 'tool:args':
      return [draft]
  }
}

const seqOf = (cursor: string): number => decodeCursor(cursor)!.seq

const asRecord = ({ topic, type, at, seq, json, payload }: FleetEvent): LogRecord => ({
  ...{ topic, type, at, version: seq, json, payload },
})

function recordOf({ type, payload }: StreamEvent, at: number): LogRecord {
  const topic = topics.sessionMessages(payload.agentId, payload.sessionId)
  return { topic, type, at, version: 0, json: JSON.stringify(payload), payload }
}

/** The state as clients see it, without its position in the log. */
function shownState(record: LogRecord): LogRecord {
  const { agentId, sessionId } = record.payload as { agentId: string; sessionId: string }
  return { ...record, topic: topics.sessionMessages(agentId, sessionId), type: 'state:snapshot' }
}

const SHAPE = ['agents', undefined, 'sessions', undefined, 'messages']

/** Whether the pattern can match a session's stream, or events of a task in one. */
function meetsStreams(pattern: string): boolean {
  const tokens = pattern.split('.')
  if (tokens.at(-1) === '>' && (tokens[0] === 'tasks' || tokens[0] === '*')) return true
  for (const [i, token] of tokens.entries()) {
    if (token === '>') return i < SHAPE.length
    const wanted = SHAPE[i]
    if (i >= SHAPE.length || (token !== '*' && wanted !== undefined && token !== wanted)) return false
  }
  return tokens.length === SHAPE.length
}
