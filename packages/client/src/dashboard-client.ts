import {
  type ClientFrameType,
  type ClientPayloads,
  type Command,
  type Reply,
  readServerFrame,
  type ServerFrame,
  type ServerFrameType,
  type ServerPayloads,
  type SubmitCommandBody,
  type WireError,
  type WireEvent,
} from '@fleetwire/protocol'
import { type Clock, systemClock } from './clock.ts'
import { Connection, type ConnectionStatus, type TokenSource } from './connection.ts'
import type { DashboardTerminal, TerminalViewOptions } from './dashboard/dashboard-terminal.ts'
import { EventStream, type EventStreamOptions } from './dashboard/event-stream.ts'
import { SubscribeRequests } from './dashboard/subscribe-requests.ts'
import {
  type DashboardEventType,
  type EventOf,
  type SubscribeOptions,
  type SubscriptionHandlers,
  Subscriptions,
} from './dashboard/subscriptions.ts'
import { TerminalViews } from './dashboard/terminal-views.ts'
import type { RequestResult } from './errors.ts'
import { FlushTiming } from './flush-timing.ts'
import { type Log, silent } from './log.ts'
import { type Observable, Subject } from './observable.ts'
import { Pacer } from './pacer.ts'
import { randomId } from './random-id.ts'
import type { ReconnectPolicy } from './reconnect.ts'
import { local, type RequestOptions, Requests } from './requests.ts'
import { RoundTrip } from './round-trip.ts'
import { httpUrl, type SocketFactory, socketOf, socketUrl } from './socket.ts'
import type { WakeUps } from './wake-ups.ts'

export interface DashboardClientOptions {
  /** The server (`https://fleet.example`) or the full address of the socket (`wss://fleet.example/ws`). */
  url: string
  /** A function is called before each attempt; a refused string stops the client. */
  token: TokenSource
  client?: { name: string; version?: string }
  /**
   * Continues where an earlier client stopped: subscriptions made before `connect` get the events after this cursor.
   */
  cursor?: string
  socket?: SocketFactory
  clock?: Clock
  random?: () => number
  /** The longest wait for a reply to a request, including time offline. Default 30,000. */
  requestTimeoutMs?: number
  handshakeTimeoutMs?: number
  reconnect?: Partial<ReconnectPolicy>
  /** Signals to end a wait for the next attempt, or to check an open connection. Default: the page's. */
  wakeUps?: WakeUps
  /** Called with `error` frames that belong to no request. */
  onError?(error: WireError): void
  onLog?: Log
}

/** The identity that the server has assigned to this client, and the limits of its connection. */
export type Identity = Pick<Established, 'connectionId' | 'userId' | 'userKey' | 'role' | 'limits'> & {
  /** How far the server's clock is ahead of this machine's, to within a frame's travel time; negative if behind. */
  clockAheadMs: number
}

export type SubmitRequest = { agentId: string } & SubmitCommandBody

/** Frames that callers must not send: they have no reply, or this client keeps state about them. */
type OwnType =
  | 'dashboard:connect'
  | 'subscribe'
  | 'unsubscribe'
  | 'heartbeat'
  | 'ping'
  | `terminal:${'open' | 'close' | 'ack'}`
export type RequestType = Exclude<ClientFrameType, OwnType>

const REQUEST_TIMEOUT_MS = 30_000
const CONNECT_ID = 'connect'

/**
 * The phase of the current socket. The server greets each socket with `connection:established` and sends it again in
 * reply to `dashboard:connect`; only the second one says whether the resume was possible. New patterns wait for `live`,
 * because a snapshot in the middle of a replay would be out of order.
 */
type Phase =
  | { name: 'down' }
  | { name: 'greeting'; resumes: boolean }
  | { name: 'answering'; resumes: boolean; greeting: Established }
  | { name: 'resuming'; events: number }
  | { name: 'live' }

type Handlers = {
  [K in ServerFrameType]: (payload: ServerPayloads[K], id: string | undefined) => void
}
type Established = ServerPayloads['connection:established']
type Answer = Omit<Established, 'resumed' | 'reason'>

const DOWN: Phase = { name: 'down' }
const LIVE: Phase = { name: 'live' }

/** A client of `/ws`: subscriptions that survive the socket, commands, terminals. */
export class DashboardClient {
  readonly #options: DashboardClientOptions
  readonly #clock: Clock
  readonly #log: Log
  readonly #connection: Connection<Identity>
  readonly #requests: Requests
  readonly #subscriptions: Subscriptions
  readonly #pacer: Pacer
  readonly #flush: FlushTiming
  readonly #queue: string[] = []
  readonly #roundTrip: RoundTrip
  readonly #caughtUp = new Subject<number | undefined>(undefined)
  readonly #identity = new Subject<Identity | undefined>(undefined)
  readonly #terminals: TerminalViews
  readonly #asking: SubscribeRequests
  #phase: Phase = DOWN
  #wasConnected = false

  constructor(options: DashboardClientOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#log = options.onLog ?? silent
    this.#requests = new Requests(this.#clock, options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS)
    this.#subscriptions = new Subscriptions({ cursor: options.cursor, log: this.#log })
    this.#asking = new SubscribeRequests({
      clock: this.#clock,
      subscriptions: this.#subscriptions,
      send: (payload, id) => this.#send(frame('subscribe', payload, id)),
      letGo: topics => this.#letGo(topics),
    })
    this.#roundTrip = new RoundTrip(this.#clock, timestamp => this.#connection.send(frame('heartbeat', { timestamp })))
    this.#connection = new Connection(
      {
        url: socketUrl(options.url, 'ws'),
        token: options.token,
        socket: socketOf(options.socket),
        clock: this.#clock,
        random: options.random,
        handshakeTimeoutMs: options.handshakeTimeoutMs,
        reconnect: options.reconnect,
        wakeUps: options.wakeUps,
        // A custom socket may report the status itself.
        askStatus: options.socket === undefined ? token => this.#askStatus(token) : undefined,
        log: this.#log,
      },
      {
        opened: () => this.#opened(),
        text: text => this.#receive(text),
        down: () => this.#down(),
        probe: () => this.#roundTrip.start(),
        refresh: token => this.#refresh(token),
      },
    )
    this.#terminals = new TerminalViews(this.#clock, {
      log: this.#log,
      send: (type, payload, id) => this.#send(frame(type, payload, id)),
      request: (type, payload) => this.request(type, payload),
    })
    this.#connection.status.subscribe(({ state }) => {
      if (state !== 'stopped') return
      this.#requests.stop()
      this.#terminals.stop()
    })
    this.#pacer = new Pacer({
      clock: this.#clock,
      send: text => this.#connection.send(text),
      bufferedAmount: () => this.#connection.bufferedAmount,
      sources: [() => this.#queue.shift()],
    })
    this.#flush = new FlushTiming(this.#clock, () => this.#pacer.pump())
  }

  /** The clock of everything that is built on this client. */
  get clock(): Clock {
    return this.#clock
  }

  /** While online, this includes the client's identity. */
  get status(): Observable<ConnectionStatus<Identity>> {
    return this.#connection.status
  }

  /** The round-trip time to the server; undefined until it has been measured on the current connection. */
  get rttMs(): Observable<number | undefined> {
    return this.#roundTrip.rttMs
  }

  /**
   * How many missed events the last reconnect replayed; undefined until the replay is complete, or if there was none.
   */
  get caughtUp(): Observable<number | undefined> {
    return this.#caughtUp
  }

  /** The client's identity as of the latest connection; undefined before the first. */
  get identity(): Observable<Identity | undefined> {
    return this.#identity
  }

  /**
   * Fetches a path of the server, such as `/api/v1/commands`, with this client's token. Rejects as `fetch` does; an
   * HTTP error status is a normal response.
   */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    return this.#fetch(path, await this.#connection.token(), { ...init, headers })
  }

  /**
   * The position up to which every event has been processed; undefined before the first snapshot. Store it to resume
   * later.
   */
  get cursor(): string | undefined {
    return this.#subscriptions.cursor
  }

  /** Idempotent. Also works after `close`. */
  connect(): void {
    this.#wasConnected = true
    this.#connection.start()
  }

  /** Idempotent. Requests made earlier are still sent. */
  close(): void {
    this.#pacer.pump()
    this.#connection.stop()
  }

  /** Skips the backoff: call this when the network or the page is back. */
  reconnectNow(): void {
    this.#connection.reconnectNow()
  }

  /**
   * Delivers a snapshot of what the patterns match, then every later event, once and in order, across any number of
   * reconnects. Handlers run in the same turn as the frame; an event counts as processed once they have returned.
   * Returns a function that unsubscribes.
   */
  subscribe(
    patterns: string | readonly string[],
    handlers: SubscriptionHandlers,
    { snapshot }: SubscribeOptions = {},
  ): () => void {
    const names = typeof patterns === 'string' ? [patterns] : patterns
    const entry = this.#subscriptions.add(names, handlers, {
      hasState: !this.#wasConnected,
      scope: snapshot === false ? 'none' : (snapshot ?? 'all'),
    })
    this.#ask()
    // Another subscription already covers these patterns.
    if (snapshot === false && entry.waiting.size === 0) queueMicrotask(() => handlers.live?.())
    return () => this.#letGo(this.#subscriptions.remove(entry))
  }

  /**
   * Calls the handler once with every event of this type that any subscription delivers. Returns a function that
   * removes the handler.
   */
  on<K extends DashboardEventType>(type: K, handler: (event: EventOf<K>) => void): () => void {
    return this.#subscriptions.on(type, handler)
  }

  /**
   * A subscription to iterate over with `for await`: snapshots and events in order. It ends with the loop, with
   * `signal` or with the client, and throws if a pattern is refused.
   */
  events(patterns: string | readonly string[], options: EventStreamOptions = {}): EventStream {
    return new EventStream(
      {
        subscribe: handlers => this.subscribe(patterns, handlers, options),
        onStopped: callback => this.status.subscribe(({ state }) => state === 'stopped' && callback()),
      },
      options,
    )
  }

  /**
   * Resolves when the server has stored the command on disk. The request always carries an idempotency key, so
   * repeating it does not create a second command.
   */
  submit(command: SubmitRequest, options?: RequestOptions): Promise<RequestResult<{ command: Command }>> {
    const idempotencyKey = command.idempotencyKey ?? randomId()
    return this.request('command:request', { ...command, idempotencyKey }, options)
  }

  interrupt(
    commandId: string,
    reason?: string,
    options?: RequestOptions,
  ): Promise<RequestResult<{ affected: boolean; status: string }>> {
    return this.request('command:interrupt', { commandId, ...(reason !== undefined && { reason }) }, options)
  }

  /** The first answer wins: a `conflict` has the winning answer in its details. */
  respond(answer: ClientPayloads['interaction:respond'], options?: RequestOptions): Promise<RequestResult> {
    return this.request('interaction:respond', answer, options)
  }

  /**
   * Sends any request. It never rejects, waits while offline (or as `options` say) and is sent again on a new socket.
   * The exceptions are terminal input and `auth:refresh`: if the connection breaks while they are in flight, they
   * resolve with `disconnected`.
   */
  request<T = object, K extends RequestType = RequestType>(
    type: K,
    payload: ClientPayloads[K],
    options: RequestOptions = {},
  ): Promise<RequestResult<T>> {
    if (options.offline === 'fail' && !this.#isUp) {
      return Promise.resolve(local('offline', `${type}: not connected`))
    }
    const { id, text, result } = this.#requests.open<T, K>(type, payload, options)
    if (this.status.value.state === 'stopped') this.#requests.stop()
    else if (this.#send(text)) this.#requests.handedOver(id)
    return result
  }

  openTerminal(options: TerminalViewOptions): DashboardTerminal {
    return this.#terminals.open(options)
  }

  #fetch(path: string, token: string, init: RequestInit & { headers: Headers }): Promise<Response> {
    if (token !== '') init.headers.set('authorization', `Bearer ${token}`)
    return fetch(httpUrl(this.#options.url) + path, init)
  }

  async #askStatus(token: string): Promise<number> {
    return (await this.#fetch('/api/v1/websocket/status', token, { headers: new Headers() })).status
  }

  /** The socket stays open with the rights of the new token. */
  async #refresh(token: string): Promise<boolean> {
    const reply = await this.request<{ role?: string }>('auth:refresh', { token }, { offline: 'fail' })
    const { role } = reply.ok ? reply : {}
    if (role !== undefined && role !== this.#identity.value?.role) {
      this.#identity.set({ ...this.#identity.value!, role })
      this.#connection.amended({ role })
    }
    return reply.ok
  }

  #opened(): void {
    const resume = this.#subscriptions.resumable()
    const payload: ClientPayloads['dashboard:connect'] = {
      join: true,
      ...(this.#options.client !== undefined && { client: this.#options.client }),
      ...(resume !== undefined && { resume: { cursor: resume.cursor }, subscribe: resume.patterns }),
      ...(resume?.scope === 'active' && { snapshot: 'active' }),
    }
    this.#phase = { name: 'greeting', resumes: resume !== undefined }
    this.#connection.send(frame('dashboard:connect', payload, CONNECT_ID))
  }

  #answered({ resumed, reason, ...established }: Established, resumes: boolean): void {
    if (resumes && !resumed) this.#subscriptions.restarted(reason ?? 'the server cannot resume')
    this.#enter(resumes && resumed ? { name: 'resuming', events: 0 } : LIVE, established)
  }

  #enter(phase: Phase, { heartbeatMs, cursor, limits, connectionId, userId, userKey, role, serverTime }: Answer): void {
    this.#phase = phase
    const clockAheadMs = serverTime - this.#clock.now()
    const identity = { connectionId, userId, role, limits, clockAheadMs, ...(userKey !== undefined && { userKey }) }
    this.#identity.set(identity)
    this.#subscriptions.greeted(cursor)
    this.#ask()
    this.#queue.push(...this.#requests.unsettled())
    this.#terminals.reopen()
    this.#pacer.open(limits)
    this.#connection.established(heartbeatMs, identity)
    this.#roundTrip.start()
  }

  #down(): void {
    this.#phase = DOWN
    if (this.#caughtUp.value !== undefined) this.#caughtUp.set(undefined)
    this.#roundTrip.stop()
    this.#flush.stop()
    this.#pacer.close()
    this.#queue.length = 0
    this.#asking.reset()
    this.#requests.lostSocket()
  }

  get #isUp(): boolean {
    return this.#phase.name === 'resuming' || this.#phase.name === 'live'
  }

  /** False without a connection: frames are rebuilt from the pending requests on the next one. */
  #send(text: string): boolean {
    if (!this.#isUp) return false
    this.#queue.push(text)
    this.#flush.soon()
    return true
  }

  /** The replay is complete, or has been replaced by snapshots. */
  #goLive(): void {
    if (this.#phase.name === 'resuming') this.#phase = LIVE
    this.#ask()
  }

  #ask(): void {
    if (this.#phase.name === 'live') this.#asking.ask()
  }

  #letGo(topics: string[]): void {
    if (topics.length > 0) this.#send(frame('unsubscribe', { topics }))
  }

  /** A reply to one of our frames; false if nothing waits for this id. */
  #reply(id: string, reply: Reply): boolean {
    return this.#asking.reply(id, reply) || this.#terminals.reply(id, reply) || this.#requests.reply(id, reply)
  }

  readonly #handlers: Handlers = {
    'connection:established': (payload, id) => this.#greeted(payload, id),
    reply: (reply, id) => {
      if (id !== undefined) this.#reply(id, reply)
    },
    snapshot: snapshot => {
      this.#letGo(this.#subscriptions.snapshot(snapshot))
      this.#ask()
    },
    'resume:done': ({ cursor }) => {
      this.#subscriptions.resumed(cursor)
      if (this.#phase.name === 'resuming') this.#caughtUp.set(this.#phase.events)
      this.#goLive()
    },
    'resync:required': ({ topics, reason }) => {
      this.#subscriptions.resync(topics, reason)
      this.#goLive()
    },
    'terminal:snapshot': snapshot => this.#terminals.snapshot(snapshot),
    'terminal:output': output => this.#terminals.output(output),
    'terminal:resize': resize => this.#terminals.resized(resize),
    'terminal:ack': ack => this.#terminals.taken(ack),
    'terminal:exit': exit => this.#terminals.exited(exit),
    'connection:closing': ({ reconnectAfterMs }) => this.#connection.closing(reconnectAfterMs),
    error: (error, id) => {
      if (id === CONNECT_ID) this.#connectRefused(error)
      else if (!(id === undefined ? this.#asking.refusedSome(error) : this.#reply(id, { ok: false, error }))) {
        this.#options.onError?.(error)
      }
    },
    heartbeat: ({ echo }) => {
      if (echo !== undefined) this.#roundTrip.answered(echo)
    },
    pong: () => {},
  }

  #receive(text: string): void {
    const decoded = readServerFrame(text)
    if (!decoded.ok) {
      this.#log('warn', 'received an invalid frame', { message: decoded.message })
      return
    }
    if ('cursor' in decoded.frame) {
      const isNew = this.#subscriptions.event(decoded.frame as WireEvent)
      if (isNew && this.#phase.name === 'resuming') this.#phase.events++
      return
    }
    const message = decoded.frame as ServerFrame
    const handle = this.#handlers[message.type] as (payload: unknown, id: string | undefined) => void
    handle(message.payload, message.id)
  }

  #greeted(payload: Established, id: string | undefined): void {
    const phase = this.#phase
    if (phase.name === 'answering' || (phase.name === 'greeting' && id === CONNECT_ID)) {
      this.#answered(payload, phase.resumes)
    } else if (phase.name === 'greeting') {
      this.#phase = { name: 'answering', resumes: phase.resumes, greeting: payload }
    }
  }

  /**
   * A permanent refusal (a cursor that no server accepts) must not lock the client out: start over without resuming.
   */
  #connectRefused(error: WireError): void {
    this.#options.onError?.(error)
    if (this.#phase.name !== 'answering' || error.retryable) return
    this.#subscriptions.startOver(error.message)
    this.#enter(LIVE, this.#phase.greeting)
  }
}

const frame = <K extends ClientFrameType>(type: K, payload: ClientPayloads[K], id?: string): string =>
  JSON.stringify({ type, ...(id !== undefined && { id }), payload })
