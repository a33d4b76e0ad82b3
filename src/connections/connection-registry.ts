import type { ServerResponse } from 'node:http'
import { type CloseCode, type Role, type WireError, wireError } from '@fleetwire/protocol'
import type { Principal } from '../auth/principal.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { Connection } from './connection.ts'
import type { ConnectionAnnouncer } from './connection-announcer.ts'
import type { ConnectionKind } from './connection-kind.ts'
import type {
  BasePayloads,
  Caller,
  CloseOptions,
  ConnectionContext,
  ConnectionOptions,
  InboundFrame,
} from './connection-options.ts'
import { EventStream, type EventStreamOptions } from './event-stream.ts'
import type { FlushScheduler } from './flush-scheduler.ts'
import { FrameLimits, type FrameRates } from './frame-limits.ts'
import type { Refusals } from './refusals.ts'
import type { SocketPort } from './socket-port.ts'

/** A shutdown closes this many connections, then yields to the event loop. */
const CLOSE_AT_ONCE = 250
const CLOSE_PAUSE_MS = 10
/** The clients of a closing server reconnect over this span, ms. It grows with their number, up to a limit. */
const spreadOf = (connections: number): number => Math.min(10_000, 100 + connections)

const NO_ROOM_RETRY_MS = 5000
const noRoom = (code: 'unavailable' | 'rate_limited', message: string) =>
  wireError(code, message, { retryAfterMs: NO_ROOM_RETRY_MS })

/** A connection of any kind, as code outside its route uses it. */
export interface OpenConnection {
  readonly id: string
  readonly kind: ConnectionKind
  readonly principal: Principal
  readonly address: string
  readonly openedAt: number
  /** False as soon as closing begins. */
  readonly isOpen: boolean
  readonly bufferedBytes: number
  close(code: CloseCode, reason: string, options?: CloseOptions): void
  terminate(): void
}

export interface RegistryOptions {
  clock: Clock
  logger: Logger
  announcer: Pick<ConnectionAnnouncer, 'opened' | 'closed' | 'flush'>
  flusher: FlushScheduler
  refusals: Refusals
  limits: FrameRates & { outboxLimitBytes: number; maxConnections: number; maxConnectionsPerPrincipal: number }
}

/** Every open connection of this process: sockets and event streams. */
export class ConnectionRegistry {
  readonly #options: RegistryOptions
  readonly #context: ConnectionContext
  readonly #open = new Map<string, OpenConnection>()
  readonly #bySub = new Map<string, Map<string, OpenConnection>>()
  #opened = 0
  #closedByCode = new Map<number, number>()
  #drain: { done: Promise<void>; emptied: () => void } | undefined

  constructor(options: RegistryOptions) {
    this.#options = options
    const { clock, logger, flusher, refusals, limits } = options
    this.#context = {
      clock,
      logger,
      flusher,
      limits,
      frames: new FrameLimits(clock, refusals, limits),
      closed: (id, code) => this.#remove(id, code),
    }
  }

  get size(): number {
    return this.#open.size
  }

  /** Why one more connection of this principal is refused, before its upgrade. */
  refusal(principal: Principal): WireError | undefined {
    const { maxConnections, maxConnectionsPerPrincipal } = this.#options.limits
    if (this.#drain) return noRoom('unavailable', 'The server is closing.')
    const { refusals } = this.#options
    if (this.size >= maxConnections) {
      refusals.add('connections')
      return noRoom('unavailable', 'This server has reached its limit of sockets.')
    }
    if ((this.#bySub.get(principal.sub)?.size ?? 0) >= maxConnectionsPerPrincipal) {
      refusals.add('connections_per_principal')
      return noRoom('rate_limited', 'This token subject has too many sockets.')
    }
    return undefined
  }

  /** Takes over an upgraded socket. Must be called in the event loop turn of the upgrade. */
  open<In extends InboundFrame, Out extends BasePayloads>(
    socket: SocketPort,
    caller: Caller,
    options: ConnectionOptions<In>,
  ): Connection<In, Out> {
    const connection = new Connection(socket, caller, this.#context, options)
    this.#adopt(connection)
    return connection
  }

  /** Takes over a response whose head declares `text/event-stream`. */
  openStream(response: ServerResponse, options: EventStreamOptions): EventStream {
    const stream = new EventStream(response, this.#context, options)
    this.#adopt(stream)
    return stream
  }

  get(id: string): OpenConnection | undefined {
    return this.#open.get(id)
  }

  list(): OpenConnection[] {
    return [...this.#open.values()]
  }

  ofSub(sub: string): OpenConnection[] {
    return [...(this.#bySub.get(sub)?.values() ?? [])]
  }

  /** The connections of one agent: two only while a newer one takes over. */
  ofAgent(agentId: string): OpenConnection[] {
    return this.ofSub(agentId).filter(connection => connection.kind === 'agent')
  }

  /** Counts the open connections for which `counts` is true. `opened` and `closedByCode` cover all connections. */
  stats(counts: (connection: OpenConnection) => boolean = () => true) {
    const byRole: Record<Role, number> = { viewer: 0, operator: 0, admin: 0, agent: 0 }
    const byKind: Record<ConnectionKind, number> = { dashboard: 0, agent: 0, stream: 0 }
    let bufferedBytes = 0
    let mostBufferedBytes = 0
    let connections = 0
    for (const connection of this.#open.values()) {
      if (!counts(connection)) continue
      connections++
      byKind[connection.kind]++
      byRole[connection.principal.role]++
      bufferedBytes += connection.bufferedBytes
      mostBufferedBytes = Math.max(mostBufferedBytes, connection.bufferedBytes)
    }
    return {
      connections,
      dashboards: byKind.dashboard,
      agents: byKind.agent,
      streams: byKind.stream,
      byRole,
      bufferedBytes,
      mostBufferedBytes,
      opened: this.#opened,
      closedByCode: Object.fromEntries(this.#closedByCode),
    }
  }

  /** Closes the connections of matching principals, for example when their token was revoked. */
  closeWhere(matches: (principal: Principal) => boolean, code: CloseCode, reason: string): number {
    const matching = this.list().filter(connection => matches(connection.principal))
    for (const connection of matching) connection.close(code, reason)
    return matching.length
  }

  /**
   * For a shutdown: refuses new connections and tells every client when to reconnect, spread over time. Resolves when
   * all connections are gone; a peer that does not answer is disconnected at its close deadline. Idempotent.
   */
  closeAll(): Promise<void> {
    if (this.#drain === undefined) {
      let emptied = () => {}
      const empty = new Promise<void>(resolve => {
        emptied = resolve
      })
      const done = this.closeEach('server restarting').then(() => (this.size > 0 ? empty : undefined))
      this.#drain = { done: done.then(() => this.#options.announcer.flush()), emptied }
    }
    return this.#drain.done
  }

  /**
   * Closes every connection with a time to reconnect, spread over time, while new ones are still accepted. Resolves
   * when all clients have been told.
   */
  async closeEach(reason: string): Promise<void> {
    const all = this.list()
    const spreadMs = spreadOf(all.length)
    for (const [i, connection] of all.entries()) {
      if (i > 0 && i % CLOSE_AT_ONCE === 0) await this.#pause()
      connection.close(1012, reason, { reconnectAfterMs: Math.round((spreadMs * i) / all.length) })
    }
  }

  #pause(): Promise<void> {
    return new Promise(resolve => {
      this.#options.clock.setTimeout(resolve, CLOSE_PAUSE_MS)
    })
  }

  #adopt(connection: OpenConnection): void {
    const { id, principal } = connection
    this.#open.set(id, connection)
    const siblings = this.#bySub.get(principal.sub)
    if (siblings) siblings.set(id, connection)
    else this.#bySub.set(principal.sub, new Map([[id, connection]]))
    this.#opened++
    this.#options.announcer.opened(connection)
  }

  #remove(id: string, code: number): void {
    const connection = this.#open.get(id)
    if (connection === undefined) return
    this.#open.delete(id)
    const { sub } = connection.principal
    const siblings = this.#bySub.get(sub)
    siblings?.delete(id)
    if (siblings?.size === 0) this.#bySub.delete(sub)
    this.#closedByCode.set(code, (this.#closedByCode.get(code) ?? 0) + 1)
    this.#options.logger.debug({ connectionId: id, code }, 'connection closed')
    this.#options.announcer.closed(connection, code)
    if (this.size === 0) this.#drain?.emptied()
  }
}
