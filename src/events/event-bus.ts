import {
  Id,
  isCustomType,
  isPattern,
  type KnownEvent,
  matchEvent,
  type PublishEvent,
  type Task,
  topics,
  type WireEvent,
  wireError,
} from '@fleetwire/protocol'
import { FLW_ERR_EVENTS_PATTERN } from '../errors.ts'
import type { EventLog, FleetEvent, ReadResult, Unfollow } from '../log/event-log.ts'
import type { Logger } from '../logger.ts'
import { type Refused, refused, unavailable } from '../outcome.ts'
import { draftOfPublication, type FindOwner, ownersOf } from './publishing.ts'

export type CustomEvent = WireEvent<`custom:${string}`>
/** `type` determines the payload. */
export type BusEvent = KnownEvent | CustomEvent
export type BusHandler = (event: BusEvent) => void | Promise<void>

export interface BusPublication extends PublishEvent {
  type: `custom:${string}`
  /** The task that the event concerns, if the topic does not name it: patterns under `tasks.<taskId>` match it too. */
  taskId?: string
}

export type Published = { status: 'ok'; cursor: string } | Refused

export interface HistoryRequest {
  /** Patterns. Default: every topic. */
  topics?: readonly string[]
  /** Events after this cursor, oldest first. */
  after?: string
  /** Events before this cursor, newest first. With neither cursor: from the newest on. */
  before?: string
  limit?: number
  /** Only events of this type. */
  type?: BusEvent['type']
}

export type HistoryPage =
  /**
   * `items` may hold fewer than `limit` although more follow; only a `nextCursor` of null says that this is the end.
   */
  | { status: 'ok'; items: BusEvent[]; nextCursor: string | null; cursor: string }
  | Extract<ReadResult, { status: 'gone' }>

export interface BusStats {
  handlers: number
  /** Calls of handlers. */
  delivered: number
  /** Calls of handlers that threw or rejected. */
  failed: number
  published: number
}

/** What the bus uses of the task service. */
export interface TaskProgressPort {
  ownerOf: FindOwner
  progress(taskId: string, fields: Progress): Promise<{ status: 'ok'; task: Task } | Refused>
}

export interface Progress {
  /** 0 to 1. */
  progress?: number
  /** 0 to 1. */
  confidence?: number
  message?: string
}

export interface ToolCall {
  toolCallId: string
  name: string
  phase: 'started' | 'ended'
  taskId?: string
  args?: unknown
  result?: unknown
  error?: string
}

interface Entry {
  readonly pattern: string
  readonly handler: BusHandler
  readonly once: boolean
}

const DEFAULT_PAGE = 50
const MAX_PUBLICATIONS = 500
const ID = new RegExp(Id.pattern!)

/**
 * Delivers the events of the log to code in the same process, in the log's order, and publishes that code's own events.
 * It belongs to the embedding application, so no token restricts what it sees. It publishes custom events only;
 * anything else goes through the service that owns it.
 */
export class EventBus {
  readonly #log: EventLog
  readonly #tasks: TaskProgressPort
  readonly #logger: Logger
  readonly #entries = new Set<Entry>()
  readonly #counts = { delivered: 0, failed: 0, published: 0 }
  #unfollow: Unfollow | undefined

  constructor({ log, tasks, logger }: { log: EventLog; tasks: TaskProgressPort; logger: Logger }) {
    this.#log = log
    this.#tasks = tasks
    this.#logger = logger
  }

  start(): void {
    this.#unfollow ??= this.#log.follow(batch => {
      for (const event of batch) this.#deal(event)
    })
  }

  stop(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.#entries.clear()
  }

  /**
   * Calls `handler` with every matching event from now on, until the returned function is called. Each call gets its
   * own copy. Nothing waits for a handler: an async one may still be busy when the next event comes. Throws
   * FLW_ERR_EVENTS_PATTERN.
   */
  on(pattern: string, handler: BusHandler): () => void {
    return this.#add({ pattern, handler, once: false })
  }

  /** The same for the next matching event only. */
  once(pattern: string, handler: BusHandler): () => void {
    return this.#add({ pattern, handler, once: true })
  }

  off(pattern: string, handler: BusHandler): void {
    for (const entry of this.#entries) {
      if (entry.pattern === pattern && entry.handler === handler) this.#entries.delete(entry)
    }
  }

  /** Appends one event, or up to 500, all or none. Resolves when they are on disk and the handlers were called. */
  async publish(event: BusPublication | readonly BusPublication[]): Promise<Published> {
    const events = Array.isArray(event) ? (event as readonly BusPublication[]) : [event as BusPublication]
    if (events.length === 0 || events.length > MAX_PUBLICATIONS)
      return refused(wireError('invalid_request', `Publish 1 to ${MAX_PUBLICATIONS} events at a time.`))
    const drafts = []
    const owners = await ownersOf(events, this.#tasks.ownerOf)
    if (owners === undefined) return refused(unavailable())
    for (const [i, { taskId, ...publication }] of events.entries()) {
      const { type } = publication
      if (!isCustomType(type)) {
        const message = `"${String(type).slice(0, 80)}": only custom:<name> can be published; services publish all other types.`
        return refused(wireError('invalid_request', message))
      }
      if (taskId !== undefined && !ID.test(taskId))
        return refused(wireError('invalid_request', `taskId: "${String(taskId).slice(0, 80)}" is not a valid id.`))
      const made = draftOfPublication(publication, owners[i])
      if ('refusal' in made) return refused(made.refusal)
      drafts.push({ ...made.draft, ...(taskId !== undefined && { taskId }) })
    }
    const appended = await this.#log.append(drafts)
    if (appended.status !== 'ok') return refused(unavailable(appended.status === 'unavailable' ? appended : {}))
    this.#counts.published += drafts.length
    return { status: 'ok', cursor: appended.events.at(-1)!.cursor }
  }

  async history({
    topics: patterns = ['>'],
    after,
    before,
    limit = DEFAULT_PAGE,
    type,
  }: HistoryRequest = {}): Promise<HistoryPage> {
    for (const pattern of patterns) assertPattern(pattern)
    const from = after === undefined ? { before: before ?? null } : { after }
    const page = await this.#log.read({ topics: patterns, limit, ...from })
    if (page.status === 'gone') return page
    const items = page.events.filter(event => type === undefined || event.type === type).map(copyOf)
    return { status: 'ok', items, nextCursor: page.done ? null : page.next, cursor: page.next }
  }

  stats(): BusStats {
    return { handlers: this.#entries.size, ...this.#counts }
  }

  /** Publishes `custom:<name>` on `tasks.<taskId>.events`. */
  emitTaskEvent(taskId: string, name: string, payload: unknown): Promise<Published> {
    return this.publish({ topic: topics.taskEvents(taskId), type: `custom:${name}`, payload })
  }

  /** Reports the progress of a task: its record changes, by the rules of tasks. */
  async emitProgress(
    taskId: string,
    { progress, confidence, message }: Progress,
  ): ReturnType<TaskProgressPort['progress']> {
    for (const [name, value] of Object.entries({ progress, confidence })) {
      if (value !== undefined && !(value >= 0 && value <= 1))
        return refused(wireError('invalid_request', `${name}: expected a number from 0 to 1.`))
    }
    return this.#tasks.progress(taskId, {
      ...(progress !== undefined && { progress }),
      ...(confidence !== undefined && { confidence }),
      ...(message !== undefined && { message }),
    })
  }

  /**
   * Publishes `custom:agent-status` in the agent's log. The agent's record does not change: only the agent itself
   * reports what it does.
   */
  emitAgentStatus(agentId: string, status: { status: string; detail?: string }): Promise<Published> {
    return this.publish({
      topic: topics.agentLog(agentId),
      type: 'custom:agent-status',
      payload: { agentId, ...status },
    })
  }

  /**
   * Publishes `custom:tool-call` in the agent's log: a call that the backend made for it. With `taskId` the task shows
   * it too.
   */
  emitToolCall(agentId: string, call: ToolCall): Promise<Published> {
    const { taskId } = call
    return this.publish({
      ...{ topic: topics.agentLog(agentId), type: 'custom:tool-call', payload: { agentId, ...call } },
      ...(taskId !== undefined && { taskId }),
    })
  }

  #add(entry: Entry): () => void {
    assertPattern(entry.pattern)
    this.#entries.add(entry)
    return () => {
      this.#entries.delete(entry)
    }
  }

  #deal(event: FleetEvent): void {
    // Iterates over a copy: a handler that is added during this event starts with the next one.
    for (const entry of [...this.#entries]) {
      if (!this.#entries.has(entry) || !matchEvent(entry.pattern, event)) continue
      if (entry.once) this.#entries.delete(entry)
      void this.#call(entry, event)
    }
  }

  /** Runs the handler up to its first await in this turn, so that handlers begin in the order of the log. */
  async #call({ handler, pattern }: Entry, event: FleetEvent): Promise<void> {
    this.#counts.delivered++
    try {
      await handler(copyOf(event))
    } catch (err) {
      this.#counts.failed++
      this.#logger.error({ err, pattern, type: event.type, cursor: event.cursor }, 'a handler of events failed')
    }
  }
}

/**
 * Parsed from the text, so that a handler that changes its event affects neither the services' records nor the next
 * handler.
 */
function copyOf({ type, topic, cursor, at, json }: FleetEvent): BusEvent {
  return { type, topic, cursor, at, payload: JSON.parse(json) } as BusEvent
}

function assertPattern(pattern: string): void {
  if (!isPattern(pattern)) throw new FLW_ERR_EVENTS_PATTERN(String(pattern).slice(0, 80))
}
