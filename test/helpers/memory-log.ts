import { matchEvent, recordKind } from '@fleetwire/protocol'
import { decodeCursor, encodeCursor } from '../../src/log/cursor.ts'
import type {
  AppendResult,
  EventDraft,
  EventLog,
  FleetEvent,
  LogRecord,
  ReadQuery,
  ReadResult,
  RecordPage,
  RecordQuery,
  Snapshot,
  SnapshotScope,
} from '../../src/log/event-log.ts'
import { isSettled } from '../../src/log/record-key.ts'

/** A log in memory, for tests of what stands on one. `hold` makes reads wait, so that a test can append in between. */
export class MemoryLog implements EventLog {
  readonly epoch = 'test'
  readonly #events: FleetEvent[] = []
  readonly #records = new Map<string, LogRecord & { taskId?: string }>()
  readonly #followers = new Set<(events: readonly FleetEvent[]) => void>()
  #seq = 0
  #told = 0
  #oldest = 0
  #held: Promise<void> | undefined
  reads = 0
  /** Followers are told when `tell` is called, as on a node that lags behind the store. */
  lagging = false
  #untold: FleetEvent[] = []

  get head(): string {
    return this.cursorOf(this.#told)
  }

  /** Events so far, forgotten ones included. */
  get length(): number {
    return this.#seq
  }

  cursorOf(seq: number): string {
    return encodeCursor(this.epoch, seq)
  }

  /** Reads and snapshots wait until the returned function is called. */
  hold(): () => void {
    let release = () => {}
    this.#held = new Promise(resolve => {
      release = () => {
        this.#held = undefined
        resolve()
      }
    })
    return release
  }

  /** Events up to this place leave retention. */
  forget(seq: number): void {
    this.#oldest = seq
  }

  add(type: string, topic: string, payload: unknown = {}, taskId?: string): FleetEvent {
    const record = topic.endsWith('.status') || recordKind(topic) !== undefined ? 'set' : undefined
    return this.#commit([
      { type, topic, payload, ...(taskId !== undefined && { taskId }), ...(record && { record }) },
    ])[0]!
  }

  append(drafts: readonly EventDraft[]): Promise<AppendResult> {
    return Promise.resolve(this.commit(drafts))
  }

  /** At once, where a test decides when. */
  commit(drafts: readonly EventDraft[]): AppendResult {
    const [first] = drafts
    const current = first && this.#records.get(first.topic)
    if (first?.expect !== undefined && first.expect !== (current?.version ?? 0)) return { status: 'conflict', current }
    return { status: 'ok', events: this.#commit(drafts) }
  }

  #commit(drafts: readonly EventDraft[]): FleetEvent[] {
    const events = drafts.map(draft => {
      const seq = ++this.#seq
      const json = JSON.stringify(draft.payload)
      const { type, topic, payload, taskId, agentId } = draft
      const event = {
        seq,
        cursor: this.cursorOf(seq),
        type,
        topic,
        at: seq,
        json,
        payload,
        ...(taskId !== undefined && { taskId }),
        ...(agentId !== undefined && { agentId }),
      }
      if (draft.record === 'set') this.#records.set(topic, { ...event, version: seq })
      if (draft.record === 'delete') this.#records.delete(topic)
      return event
    })
    this.#events.push(...events)
    this.#untold.push(...events)
    if (!this.lagging) this.tell()
    return events
  }

  tell(): void {
    const events = this.#untold
    this.#untold = []
    this.#told = this.#seq
    for (const follower of this.#followers) follower(events)
  }

  async read({ topics, after, limit }: ReadQuery): Promise<ReadResult> {
    this.reads++
    await this.#held
    const position = after === undefined ? { epoch: this.epoch, seq: 0 } : decodeCursor(after)
    if (position === undefined) return { status: 'gone', reason: 'malformed' }
    if (position.epoch !== this.epoch) return { status: 'gone', reason: 'epoch' }
    const { seq } = position
    if (seq < this.#oldest) return { status: 'gone', reason: 'expired' }
    if (seq > this.#seq) return { status: 'gone', reason: 'ahead' }
    const found = this.#events.filter(event => event.seq > seq && topics.some(pattern => matchEvent(pattern, event)))
    const events = found.slice(0, limit)
    const done = events.length === found.length
    return { status: 'ok', events, next: done ? this.cursorOf(this.#seq) : events.at(-1)!.cursor, done }
  }

  async snapshot(patterns: readonly string[], scope: SnapshotScope = 'all'): Promise<Snapshot> {
    await this.#held
    const records = [...this.#records.values()].filter(
      record =>
        patterns.some(pattern => matchEvent(pattern, record)) && (scope === 'all' || !isSettled(record.payload)),
    )
    return { records, cursor: this.cursorOf(this.#seq) }
  }

  get(topic: string): Promise<LogRecord | undefined> {
    return Promise.resolve(this.#records.get(topic))
  }

  list({ kind, where = {} }: Pick<RecordQuery, 'kind' | 'where'>): Promise<RecordPage> {
    const { id, status } = where
    const records = [...this.#records.values()].filter(({ topic, payload }) => {
      const { status: its } = payload as { status?: string }
      return (
        (topic.startsWith('$') ? topic.split('.')[0] : recordKind(topic)) === kind &&
        (id === undefined || topic.split('.').includes(id)) &&
        (status === undefined || [status].flat().includes(its ?? ''))
      )
    })
    return Promise.resolve({ records, nextPage: null })
  }

  follow(onBatch: (events: readonly FleetEvent[]) => void) {
    this.#followers.add(onBatch)
    return () => this.#followers.delete(onBatch)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
