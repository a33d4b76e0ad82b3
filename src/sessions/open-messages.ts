import { type EventPayloads, matchEvent, type TranscriptItem, topics } from '@fleetwire/protocol'
import { decodeCursor, encodeCursor } from '../log/cursor.ts'
import { draftOf } from '../log/draft.ts'
import type { EventDraft, EventLog, FleetEvent, LogRecord, Snapshot, Unfollow } from '../log/event-log.ts'
import { abandoned, advance, charsOf, eventsSoFar, isStreamEvent, keyOf, type StreamEvent } from './stream-item.ts'

/** What is open in one session. Items are replaced, never changed, so whoever holds one holds a moment of it. */
interface Stream {
  agentId: string
  sessionId: string
  items: Map<string, TranscriptItem>
}

/** What an agent holds open, and in which streams. */
interface Tally {
  topics: Set<string>
  items: number
  chars: number
}

const NOTHING = { items: 0, chars: 0 }

type OpenStart = Omit<EventPayloads['message:start'], 'text'> | Omit<EventPayloads['tool:start'], 'args'>

/** The server's own mark of an item that was started and has not ended; its payload is the start without text. */
const OPEN = '$open'
const STATE = '$state'
const PAGE = 500
/** States are large. */
const STATE_PAGE = 32

const openTopic = (agentId: string, sessionId: string, key: string) =>
  `${OPEN}.${agentId}.${sessionId}.${key.replace(' ', '.')}`
export const stateTopic = (agentId: string, sessionId: string) => `${STATE}.${agentId}.${sessionId}`

/**
 * What is open on the streams of sessions, held in memory by following the log: unfinished messages with their text so
 * far, and tool calls. Each open item has a record of the server's own, written with its start and deleted with its
 * end, so a restart reads the log from the oldest start on and not from its beginning.
 */
export class OpenMessages {
  readonly #log: EventLog
  readonly #streams = new Map<string, Stream>()
  readonly #agents = new Map<string, Tally>()
  /** Notes of what was told since a snapshot was asked for. */
  readonly #notes = new Set<FleetEvent[]>()
  #told = 0
  #waiting: { seq: number; resolve: () => void }[] = []
  #unfollow: Unfollow | undefined

  constructor({ log }: { log: EventLog }) {
    this.#log = log
  }

  /** Followed first, read after: nothing falls between the two. */
  async start(): Promise<void> {
    if (this.#unfollow !== undefined) return
    this.#told = seqOf(this.#log.head)
    const meanwhile: FleetEvent[] = []
    this.#unfollow = this.#log.follow(events => meanwhile.push(...events))
    const upTo = await this.#restore()
    this.#unfollow()
    this.#unfollow = this.#log.follow(events => this.#onEvents(events))
    this.#onEvents(meanwhile.filter(({ seq }) => seq > upTo))
  }

  stop(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
  }

  get(agentId: string, sessionId: string, key: string): TranscriptItem | undefined {
    return this.#streams.get(topics.sessionMessages(agentId, sessionId))?.items.get(key)
  }

  /** How much an agent holds open, whatever else is open here. */
  tally(agentId: string): { readonly items: number; readonly chars: number } {
    return this.#agents.get(agentId) ?? NOTHING
  }

  /** Ends whatever is open of an agent, or of one of its sessions. */
  closing(agentId: string, sessionId?: string): EventDraft[] {
    const named =
      sessionId === undefined ? this.#agents.get(agentId)?.topics : [topics.sessionMessages(agentId, sessionId)]
    const streams = [...(named ?? [])].flatMap(topic => this.#streams.get(topic) ?? [])
    return streams.flatMap(stream => [...stream.items.values()].flatMap(item => draftsOf(abandoned(item, stream))))
  }

  /**
   * The records of the log, and at the very same place in the order what was open on the streams: the open items are
   * those of the moment in which this began, and whatever was told from then up to the cursor is folded into them.
   */
  async snapshot(patterns: readonly string[]): Promise<Snapshot> {
    if (!patterns.some(meetsStreams)) return this.#log.snapshot(patterns)
    const notes: FleetEvent[] = []
    this.#notes.add(notes)
    try {
      const then = new Map<string, Stream>()
      for (const [topic, { items, ...stream }] of this.#streams) then.set(topic, { ...stream, items: new Map(items) })
      const states = await this.#states(patterns)
      const { records, cursor, flawed } = await this.#log.snapshot(patterns)
      await this.#reached(seqOf(cursor))
      for (const event of notes) {
        if (event.seq > seqOf(cursor)) break
        if (event.type === 'state:stored') states.set(event.topic, asRecord(event))
        else if (event.type === 'state:removed') states.delete(event.topic)
        else fold(then, event)
      }
      const fits = (record: LogRecord, taskId?: string) =>
        patterns.some(pattern => matchEvent(pattern, { topic: record.topic, taskId }))
      const open = [...then.values()].flatMap(stream =>
        [...stream.items.values()].flatMap(item =>
          eventsSoFar(item, stream)
            .map(event => recordOf(event, item.startedAt))
            .filter(record => fits(record, item.taskId)),
        ),
      )
      const shown = [...states.values()].map(shownState).filter(record => fits(record))
      return { records: [...records, ...shown, ...open], cursor, ...(flawed && { flawed }) }
    } finally {
      this.#notes.delete(notes)
    }
  }

  /** Whatever changes of them after this is told of; so the newer of the two counts. */
  async #states(patterns: readonly string[]): Promise<Map<string, LogRecord>> {
    const named = patterns.filter(meetsStreams).map(pattern => pattern.split('.')[1] ?? '>')
    const agentId = named.every(id => id !== '*' && id !== '>') ? { agentId: [...new Set(named)] } : {}
    const states = new Map<string, LogRecord>()
    let page: string | null | undefined
    do {
      const query = { kind: STATE, where: agentId, limit: STATE_PAGE, ...(page && { page }) }
      const { records, nextPage } = await this.#log.list(query)
      for (const record of records) {
        const shown = shownState(record)
        if (patterns.some(pattern => matchEvent(pattern, shown))) states.set(record.topic, record)
      }
      page = nextPage
    } while (page !== null)
    return states
  }

  /** Resolves with the place up to which it was read. */
  async #restore(): Promise<number> {
    let oldest = Number.POSITIVE_INFINITY
    let page: string | null | undefined
    do {
      const { records, nextPage } = await this.#log.list({ kind: OPEN, limit: PAGE, ...(page && { page }) })
      for (const record of records) {
        oldest = Math.min(oldest, record.version)
        this.#put(record.payload as OpenStart, record.at)
      }
      page = nextPage
    } while (page !== null)
    if (oldest === Number.POSITIVE_INFINITY) return this.#told
    // The start itself stands right before its mark.
    let after: string | undefined = encodeCursor(this.#log.epoch, oldest - 2)
    for (;;) {
      const read = await this.#log.read({ topics: [STREAMS], limit: PAGE, ...(after && { after }) })
      if (read.status === 'gone') {
        // The start left retention: what is kept of the text is better than none.
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
      for (const notes of this.#notes) if (concernsStreams(event)) notes.push(event)
      this.#apply(event)
      this.#told = event.seq
    }
    if (this.#waiting.length === 0) return
    const reached = this.#waiting.filter(({ seq }) => seq <= this.#told)
    this.#waiting = this.#waiting.filter(({ seq }) => seq > this.#told)
    for (const { resolve } of reached) resolve()
  }

  #apply(event: Folded): void {
    const changed = fold(this.#streams, event)
    if (changed === undefined) return
    const { agentId } = changed
    const tally = this.#agents.get(agentId) ?? { topics: new Set(), items: 0, chars: 0 }
    tally.items += Number(changed.after !== undefined) - Number(changed.before !== undefined)
    tally.chars += (changed.after ? charsOf(changed.after) : 0) - (changed.before ? charsOf(changed.before) : 0)
    if (this.#streams.has(event.topic)) tally.topics.add(event.topic)
    else tally.topics.delete(event.topic)
    if (tally.topics.size > 0) this.#agents.set(agentId, tally)
    else this.#agents.delete(agentId)
  }

  #reached(seq: number): Promise<void> {
    if (this.#told >= seq) return Promise.resolve()
    return new Promise(resolve => this.#waiting.push({ seq, resolve }))
  }
}

const STREAMS = 'agents.*.sessions.*.messages'

const concernsStreams = (event: FleetEvent) =>
  isStreamEvent(event) || event.type === 'state:stored' || event.type === 'state:removed'

type Folded = Pick<FleetEvent, 'type' | 'topic' | 'payload' | 'at'>

/** What became of the item that an event is about. */
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
  if (stream.items.size > 0) streams.set(event.topic, stream)
  else streams.delete(event.topic)
  return { agentId, before, after }
}

/** An event of a stream, with the mark that says that its item is open, or no longer. */
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

/** A state as it is shown: where it stands in the log nobody may look. */
function shownState(record: LogRecord): LogRecord {
  const { agentId, sessionId } = record.payload as { agentId: string; sessionId: string }
  return { ...record, topic: topics.sessionMessages(agentId, sessionId), type: 'state:snapshot' }
}

const SHAPE = ['agents', undefined, 'sessions', undefined, 'messages']

/** Could the pattern stand for a session's stream, or for what concerns a task there? */
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
