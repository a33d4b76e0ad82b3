import { frameLines } from '@fleetwire/protocol'
import type { Clock, Timer } from './clock.ts'
import { messageOf, rethrowLater } from './errors.ts'
import { Liveness } from './liveness.ts'
import { type Log, silent } from './log.ts'
import { type Observable, Subject } from './observable.ts'
import {
  defaultPolicy,
  initialReconnect,
  type ReconnectEvent,
  type ReconnectPolicy,
  type ReconnectState,
  reconnect,
} from './reconnect.ts'
import { ABNORMAL_CLOSURE, type SocketClose, type SocketEvents, type SocketFactory, type SocketPort } from './socket.ts'
import { TokenRenewal } from './token-renewal.ts'
import { pageWakeUps, type WakeUps } from './wake-ups.ts'

/**
 * A token, or a function that returns one and is called before each attempt. An empty token is not sent, for pages of
 * an app that identifies its users by cookie.
 */
export type TokenSource = string | (() => string | Promise<string>)

/**
 * `Greeting`: what the peer sent when the connection was established. `downSince`: since when there has been no
 * connection; before the first one, since it was requested. Times are epoch ms.
 */
export type ConnectionStatus<Greeting extends object = object> =
  | { state: 'idle' }
  | { state: 'connecting'; attempt: number; downSince: number }
  | ({ state: 'online'; since: number } & Greeting)
  /** `cause`: how the last attempt or connection ended. `retryAt`: time of the next attempt. */
  | { state: 'waiting'; retryAt: number; cause: SocketClose; downSince: number }
  /** Closed locally, or with a code that rules out a retry. `connect` starts again. */
  | { state: 'stopped'; cause: SocketClose; downSince: number }

export interface ConnectionOptions {
  url: string
  token: TokenSource
  socket: SocketFactory
  clock: Clock
  /** Uniform in [0, 1); only for jitter. */
  random?: (() => number) | undefined
  /**
   * The longest wait for token, upgrade and greeting together, in case a server accepts the socket but sends nothing.
   * Default 15,000.
   */
  handshakeTimeoutMs?: number | undefined
  reconnect?: Partial<ReconnectPolicy> | undefined
  /**
   * Returns the HTTP status that the server gives this token, for platforms that hide why an upgrade was refused.
   * Without it, an invalid token looks like an unreachable server.
   */
  askStatus?: ((token: string) => Promise<number>) | undefined
  /** Default: the page's, if there is one. */
  wakeUps?: WakeUps | undefined
  log?: Log | undefined
}

export interface ConnectionHandler {
  /** The socket is open: send the greeting, and call `established` when the peer has answered. */
  opened(): void
  /** One frame. */
  text(text: string): void
  /** An open socket is gone; frames sent on it may not have arrived. */
  down(): void
  /** Send a frame that the peer answers. */
  probe(): void
  /**
   * Switches the open socket to another token. Resolves with false on failure; the connection is then re-established
   * with the new token. Absent if only a new connection can use another token.
   */
  refresh?(token: string): Promise<boolean>
}

/** Each state holds exactly what it needs; leaving it cancels its timers (`#enter`). */
type State =
  | { name: 'idle' }
  | { name: 'authorizing'; deadline: Timer }
  | { name: 'opening'; deadline: Timer; socket: SocketPort | undefined }
  | { name: 'greeting'; deadline: Timer; socket: SocketPort }
  | { name: 'ready'; liveness: Liveness; socket: SocketPort; renewal: TokenRenewal | undefined }
  | { name: 'waiting'; timer: Timer }
  | { name: 'stopped' }

const DEFAULT_HANDSHAKE_MS = 15_000
const NORMAL = 1000

/** One logical connection over successive sockets. */
export class Connection<Greeting extends object = object> {
  readonly #options: ConnectionOptions
  readonly #handler: ConnectionHandler
  readonly #policy: ReconnectPolicy
  readonly #log: Log
  readonly #status = new Subject<ConnectionStatus<Greeting>>({ state: 'idle' })
  #state: State = { name: 'idle' }
  #reconnect: ReconnectState = initialReconnect
  /** The last token of the token function; undefined if it was refused, or may have been. */
  #token: string | undefined
  /** A token already fetched for the next attempt. */
  #renewed: string | undefined
  #sleep: (() => void) | undefined
  #downSince: number | undefined

  constructor(options: ConnectionOptions, handler: ConnectionHandler) {
    this.#options = options
    this.#handler = handler
    this.#policy = { ...defaultPolicy, ...options.reconnect }
    this.#log = options.log ?? silent
  }

  get status(): Observable<ConnectionStatus<Greeting>> {
    return this.#status
  }

  get bufferedAmount(): number {
    return this.#openSocket()?.bufferedAmount ?? 0
  }

  /** Idempotent. Can be called again after `stop`. */
  start(): void {
    if (this.#state.name !== 'idle' && this.#state.name !== 'stopped') return
    this.#reconnect = initialReconnect
    this.#downSince = undefined
    this.#sleep = (this.#options.wakeUps ?? pageWakeUps)(() => this.wake())
    this.#attempt()
  }

  /** Idempotent. No handler is called after it returns. */
  stop(reason = ''): void {
    if (this.#state.name === 'stopped') return
    this.#leave(socket => socket.close(NORMAL, reason))
    this.#stopped()
    this.#status.set({ state: 'stopped', cause: { code: NORMAL, reason }, downSince: this.#down() })
  }

  /** Ends a wait. Call this when the network or the page is known to be back. */
  reconnectNow(): void {
    if (this.#state.name === 'waiting') this.#attempt()
  }

  /** The network or the page is back: ends a wait, or checks whether an open connection still works. */
  wake(): void {
    if (this.#state.name === 'ready') this.#state.liveness.check()
    else this.reconnectNow()
  }

  /** False if there is no open socket. True does not guarantee arrival. */
  send(text: string): boolean {
    const socket = this.#openSocket()
    if (socket === undefined) return false
    socket.send(text)
    return true
  }

  /** The peer answered the greeting. From here on, two intervals without a frame mean a dead connection. */
  established(heartbeatMs: number, greeting: Greeting): void {
    if (this.#state.name !== 'greeting') return
    const { socket } = this.#state
    const liveness = new Liveness(this.#options.clock, heartbeatMs, {
      probe: () => {
        socket.ping?.()
        this.#handler.probe()
      },
      dead: () => this.#drop({ code: ABNORMAL_CLOSURE, reason: 'no sign of life' }),
    })
    this.#enter({ name: 'ready', liveness, socket, renewal: this.#renewal() })
    const since = this.#options.clock.now()
    this.#decide({ type: 'established', at: since })
    this.#downSince = undefined
    this.#status.set({ state: 'online', since, ...greeting })
  }

  /** The peer announced that it will close. */
  closing(reconnectAfterMs: number | undefined): void {
    if (reconnectAfterMs !== undefined) this.#decide({ type: 'closing', reconnectAfterMs })
  }

  /** Part of the greeting has changed. */
  amended(greeting: Partial<Greeting>): void {
    const status = this.#status.value
    if (status.state === 'online') this.#status.set({ ...status, ...greeting })
  }

  #down(): number {
    this.#downSince ??= this.#options.clock.now()
    return this.#downSince
  }

  #openSocket(): SocketPort | undefined {
    return this.#state.name === 'greeting' || this.#state.name === 'ready' ? this.#state.socket : undefined
  }

  #attempt(): void {
    const { clock, handshakeTimeoutMs = DEFAULT_HANDSHAKE_MS } = this.#options
    const deadline = clock.setTimeout(() => {
      const reason = this.#state.name === 'authorizing' ? 'token: timed out' : 'handshake timeout'
      this.#drop({ code: ABNORMAL_CLOSURE, reason })
    }, handshakeTimeoutMs)
    const state: State = { name: 'authorizing', deadline }
    this.#enter(state)
    this.#status.set({ state: 'connecting', attempt: this.#reconnect.failures + 1, downSince: this.#down() })
    this.#authorize().then(
      token => {
        if (this.#state !== state) return
        this.#token = token
        this.#open(token, deadline)
      },
      error => {
        if (this.#state === state) this.#ended({ code: ABNORMAL_CLOSURE, reason: `token: ${messageOf(error)}` })
      },
    )
  }

  /** The token of the current connection, or a new one. */
  async token(): Promise<string> {
    return this.#token ?? this.#authorize()
  }

  async #authorize(): Promise<string> {
    const { token } = this.#options
    // Files and secret stores leave a trailing line break, which is not allowed in a header.
    if (typeof token === 'string') return token.trim()
    const renewed = this.#renewed
    this.#renewed = undefined
    if (renewed !== undefined) return renewed
    try {
      return (await token()).trim()
    } catch (error) {
      // The token source may be unreachable while the current token is still valid.
      if (this.#token === undefined) throw error
      this.#log('warn', 'could not get a new token: reusing the last one', { message: messageOf(error) })
      return this.#token
    }
  }

  #open(token: string, deadline: Timer): void {
    const state: State = { name: 'opening', deadline, socket: undefined }
    this.#state = state
    // An abandoned socket still calls back for a while; `isMine` filters out its events.
    let mine: SocketPort | undefined
    const isMine = () => mine !== undefined && 'socket' in this.#state && this.#state.socket === mine
    const events: SocketEvents = {
      open: () => {
        if (isMine()) this.#opened()
      },
      text: text => {
        if (!isMine()) return
        this.#alive()
        for (const frame of frameLines(text)) {
          // The handler of a frame may end the connection; no further frame is passed on then.
          if (isMine()) this.#give(frame)
        }
      },
      alive: () => {
        if (isMine()) this.#alive()
      },
      closed: close => {
        if (isMine()) this.#ended(close)
      },
    }
    try {
      mine = this.#options.socket({ url: this.#options.url, token }, events)
      state.socket = mine
    } catch (error) {
      this.#ended({ code: ABNORMAL_CLOSURE, reason: messageOf(error) })
    }
  }

  /** An exception in an application callback must not drop the other frames of the message. */
  #give(frame: string): void {
    try {
      this.#handler.text(frame)
    } catch (error) {
      rethrowLater(error)
    }
  }

  #opened(): void {
    if (this.#state.name !== 'opening' || this.#state.socket === undefined) return
    this.#state = { name: 'greeting', deadline: this.#state.deadline, socket: this.#state.socket }
    this.#handler.opened()
  }

  #renewal(): TokenRenewal | undefined {
    const { clock, token } = this.#options
    if (typeof token === 'string' || this.#token === undefined) return undefined
    return new TokenRenewal({
      ...{ clock, log: this.#log, ask: token, token: this.#token },
      renewed: next => void this.#renew(next),
    })
  }

  async #renew(token: string): Promise<void> {
    const state = this.#state
    const isDone = await this.#handler.refresh?.(token)
    // The socket is gone. The next one fetches its own token.
    if (this.#state !== state || state.name !== 'ready') return
    if (isDone) {
      this.#token = token
      state.renewal = this.#renewal()
      return
    }
    this.#renewed = token
    this.#leave(
      socket => socket.close(NORMAL, 'new token'),
      () => this.#attempt(),
    )
  }

  #alive(): void {
    if (this.#state.name === 'ready') this.#state.liveness.heard()
  }

  /** Ends the attempt or connection locally. A dead connection answers no close frame, so this waits for none. */
  #drop(cause: SocketClose): void {
    this.#leave(
      socket => socket.drop(),
      () => this.#next(cause),
    )
  }

  #ended(cause: SocketClose): void {
    this.#leave(
      () => {},
      () => this.#next(cause),
    )
  }

  /** Leaves the socket, if there is one. The order ensures that none of its callbacks sees a half-changed state. */
  #leave(part: (socket: SocketPort) => void, then: () => void = () => {}): void {
    const before = this.#state
    this.#enter({ name: 'idle' })
    if ('socket' in before && before.socket !== undefined) part(before.socket)
    if (before.name === 'greeting' || before.name === 'ready') this.#handler.down()
    then()
  }

  #next(cause: SocketClose): void {
    const { clock, token } = this.#options
    const renewable = typeof token === 'function'
    const neverOpened = this.#reconnect.upSince === null
    const tried = this.#token
    // A browser hides the status of a refused upgrade, so any failed attempt may have been a 401.
    if (cause.code === 4401 || cause.httpStatus === 401 || neverOpened) this.#token = undefined
    const at = clock.now()
    const decision = this.#decide({ type: 'closed', at, code: cause.code, httpStatus: cause.httpStatus, renewable })
    switch (decision.do) {
      case 'stop':
        this.#stopped()
        this.#log('warn', 'connection stopped', { ...cause })
        this.#status.set({ state: 'stopped', cause, downSince: this.#down() })
        return
      case 'wait':
        this.#enter({ name: 'waiting', timer: clock.setTimeout(() => this.#attempt(), decision.delayMs) })
        this.#log('info', 'connection lost', { ...cause, delayMs: decision.delayMs })
        this.#status.set({ state: 'waiting', retryAt: at + decision.delayMs, cause, downSince: this.#down() })
        if (neverOpened && cause.httpStatus === undefined && tried !== undefined) this.#explain(cause, tried)
        return
      case 'nothing':
        return
      default:
        decision satisfies never
    }
  }

  /** Finds out over HTTP whether the token was refused. */
  #explain(cause: SocketClose, token: string): void {
    const waiting = this.#state
    this.#options.askStatus?.(token).then(
      httpStatus => {
        if (this.#state !== waiting || (httpStatus !== 401 && httpStatus !== 403)) return
        this.#ended({ ...cause, reason: 'the token was refused', httpStatus })
      },
      () => {},
    )
  }

  #stopped(): void {
    this.#sleep?.()
    this.#sleep = undefined
    this.#enter({ name: 'stopped' })
  }

  #decide(event: ReconnectEvent) {
    const { state, decision } = reconnect(this.#reconnect, event, this.#policy, this.#options.random ?? Math.random)
    this.#reconnect = state
    return decision
  }

  #enter(next: State): void {
    const before = this.#state
    this.#state = next
    switch (before.name) {
      case 'authorizing':
      case 'opening':
      case 'greeting':
        before.deadline.cancel()
        return
      case 'ready':
        before.liveness.stop()
        before.renewal?.stop()
        return
      case 'waiting':
        before.timer.cancel()
        return
      case 'idle':
      case 'stopped':
        return
      default:
        before satisfies never
    }
  }
}
