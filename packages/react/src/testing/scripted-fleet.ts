import { type Clock, DashboardClient, type SocketEvents, type SocketFactory } from '@fleetwire/client'
import { matchEvent, settledStatuses } from '@fleetwire/protocol'

interface Frame {
  type: string
  id?: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at frames of every type
  payload: any
}

export interface ScriptedRecord {
  topic: string
  type: string
  payload: unknown
}

const API = 'http://fleet.test/api/v1'
/** The fleet that handles REST requests: the last one created. */
let asked: ScriptedFleet | undefined
const { fetch } = globalThis
// Other test files in this process send requests to real servers.
globalThis.fetch = async (input, init = {}) => {
  const url = String(input)
  return asked !== undefined && url.startsWith(API) ? asked.fetch(url.slice(API.length), init) : fetch(input, init)
}

/** A server for one client without a network: replies as Fleetwire does, and sends what the test tells it to. */
export class ScriptedFleet {
  /** The content of snapshots. */
  records: ScriptedRecord[] = []
  /** Patterns that are refused. */
  readonly forbidden = new Set<string>()
  /** Patterns that are refused because there are too many. */
  readonly full = new Set<string>()
  /** Every frame that the client sent, over all sockets. */
  readonly sent: Frame[] = []
  /** If false, the next snapshots wait for a call of `snapshot`. */
  answersSnapshots = true
  /** Replies to requests, by request type. */
  answers: Record<string, object> = {}
  canResume = true
  opened = 0
  closed = 0
  readonly client: DashboardClient
  #events: SocketEvents | undefined
  #cursor = 0
  /** Patterns whose snapshots omit settled records. */
  readonly #active = new Set<string>()

  /** The REST response (status and body) for a path with its query. */
  respond: (path: string, init: RequestInit) => { status?: number; body?: unknown } = () => ({ status: 404 })
  /** The requested REST paths. */
  readonly fetched: string[] = []

  constructor({ clock }: { clock?: Clock } = {}) {
    this.client = new DashboardClient({
      url: 'http://fleet.test',
      token: 'T',
      socket: this.#socket,
      // A long delay, so that the next attempt waits for `reconnect`.
      random: () => 0.99,
      ...(clock !== undefined && { clock }),
    })
    asked = this
  }

  fetch(path: string, init: RequestInit): Response {
    this.fetched.push(path)
    const { status = 200, body } = this.respond(path, init)
    return new Response(body === undefined ? null : JSON.stringify(body), { status })
  }

  /** The patterns of all subscriptions, in order. */
  get subscribed(): string[] {
    return this.sent.filter(({ type }) => type === 'subscribe').flatMap(({ payload }) => payload.topics)
  }

  get unsubscribed(): string[] {
    return this.sent.filter(({ type }) => type === 'unsubscribe').flatMap(({ payload }) => payload.topics)
  }

  event(topic: string, type: string, payload: unknown, at = 1): void {
    this.say({ type, topic, cursor: `c${++this.#cursor}`, at, payload })
  }

  say(frame: object): void {
    this.text(JSON.stringify(frame))
  }

  /** Sends one message with one frame per line. */
  text(text: string): void {
    this.#events?.text(text)
  }

  snapshot(topics: readonly string[], more = false): void {
    const records = this.records.filter(record =>
      topics.some(topic => matchEvent(topic, record) && !(this.#active.has(topic) && isOver(record))),
    )
    this.say({ type: 'snapshot', payload: { topics, records, cursor: `c${this.#cursor}`, ...(more && { more }) } })
  }

  /** Restores a lost connection. */
  reconnect(): void {
    this.client.reconnectNow()
  }

  cut(): void {
    const events = this.#events
    this.#events = undefined
    events?.closed({ code: 1006, reason: '' })
  }

  readonly #socket: SocketFactory = (_target, events) => {
    this.opened++
    queueMicrotask(() => {
      this.#events = events
      events.open()
      this.#established({})
    })
    return {
      bufferedAmount: 0,
      send: text => {
        for (const line of text.split('\n')) this.#received(JSON.parse(line) as Frame)
      },
      close: () => this.#close(),
      drop: () => this.#close(),
    }
  }

  #close(): void {
    this.closed++
    this.cut()
  }

  #established(over: object, id?: string): void {
    const limits = { maxFrameBytes: 262_144, frameRate: 100, frameBurst: 200, maxPatterns: 64, outboxLimitBytes: 1 }
    const payload = {
      ...{ connectionId: 'con_1', userId: 'u1', userKey: 'u1', role: 'operator', cursor: `c${this.#cursor}` },
      ...{ resumed: false, heartbeatMs: 30_000, serverTime: this.client.clock.now(), limits, ...over },
    }
    this.say({ type: 'connection:established', payload, ...(id !== undefined && { id }) })
  }

  #received(frame: Frame): void {
    this.sent.push(frame)
    const { type, id, payload } = frame
    const { topics = payload.subscribe ?? [], snapshot } = payload
    for (const topic of topics) {
      if (snapshot === 'active') this.#active.add(topic)
      else this.#active.delete(topic)
    }
    if (type === 'dashboard:connect') this.#connected(payload, id!)
    else if (type === 'subscribe') this.#subscribed(payload, id!)
    else if (type in this.answers) this.say({ type: 'reply', id, payload: this.answers[type] })
    else if (type === 'unsubscribe') this.say({ type: 'reply', id, payload: { ok: true } })
  }

  #connected({ resume, subscribe }: { resume?: object; subscribe?: string[] }, id: string): void {
    if (resume === undefined) {
      this.#established({}, id)
      return
    }
    this.#established({ resumed: this.canResume, ...(!this.canResume && { reason: 'retention' }) }, id)
    if (this.canResume) this.say({ type: 'resume:done', payload: { cursor: `c${this.#cursor}` } })
    else if (this.answersSnapshots) this.snapshot(subscribe ?? [])
  }

  #subscribed({ topics, snapshot }: { topics: string[]; snapshot?: boolean | 'active' }, id: string): void {
    if (topics.some(topic => this.full.has(topic))) {
      const error = { code: 'subscription_limit', message: 'too many', retryable: false }
      this.say({ type: 'reply', id, payload: { ok: false, error } })
      return
    }
    const allowed = topics.filter(topic => !this.forbidden.has(topic))
    const error = { code: 'forbidden', message: 'not allowed', retryable: false }
    if (allowed.length === 0) {
      this.say({ type: 'reply', id, payload: { ok: false, error } })
      return
    }
    if (allowed.length < topics.length) {
      const refused = topics.filter(topic => this.forbidden.has(topic))
      this.say({ type: 'error', payload: { ...error, details: { topics: refused } } })
    }
    this.say({ type: 'reply', id, payload: { ok: true, topics: allowed } })
    if (this.answersSnapshots && snapshot !== false) this.snapshot(allowed)
  }
}

const isOver = ({ payload }: ScriptedRecord): boolean => {
  const { status, state } = payload as { status?: string; state?: string }
  return settledStatuses.has(status ?? state ?? '')
}

export const agent = (agentId: string, over: object = {}) => ({
  ...{ agentId, name: agentId, kind: 'exec', version: '1', labels: {}, capabilities: {}, maxConcurrency: 1 },
  ...{ status: 'online', link: 'online', work: 'idle', detail: '', evidence: 'reported', lastSeenAt: 1 },
  ...{ connectedAt: 1, running: [], openInteractions: 0, ...over },
})

export const agentRecord = (agentId: string, over: object = {}): ScriptedRecord => ({
  topic: `agents.${agentId}.status`,
  type: 'agent:status',
  payload: agent(agentId, over),
})

export const command = (commandId: string, over: object = {}) => ({
  ...{ commandId, agentId: 'a1', kind: 'shell', input: 'ls', status: 'running', attempt: 1, priority: 0 },
  ...{ whenBusy: 'enqueue', createdBy: 'u1', createdAt: 1, queueTtlMs: 1, runTimeoutMs: 0, onLost: 'fail', ...over },
})

export const commandRecord = (commandId: string, over: object = {}): ScriptedRecord => {
  const payload = command(commandId, over)
  return { topic: `agents.${payload.agentId}.commands.${commandId}`, type: `command:${payload.status}`, payload }
}
