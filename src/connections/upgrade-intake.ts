import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../clock.ts'
import { Listeners } from '../listeners.ts'
import { TurnPace } from '../turn-pace.ts'
import { isWebSocketUpgrade, plainHead } from './upgrade-request.ts'

/** Each handshake takes a fraction of a ms. */
const PER_TURN = 8
/** Time limit for the responses to earlier requests on the same connection. */
const EARLIER_ANSWERS_MS = 30_000
/** Time for a peer to read the response that refuses it. */
const LAST_WORDS_MS = 5000

const ignore = () => {}

/** An app may contain two Fleetwires, each under its own prefix. */
const intakesOf = new WeakMap<Server, Set<UpgradeIntake>>()

/** What Node passes with an upgrade request. */
export interface Upgrade {
  readonly socket: Duplex
  /** Bytes that arrived after the head of the request. */
  readonly head: Buffer
}

export interface UpgradeIntakeOptions {
  clock: Clock
  server: Server
  /**
   * Whether a WebSocket can be opened at this path. Upgrades elsewhere are left to the server's other listeners, if
   * any.
   */
  isSocketPath(path: string): boolean
}

/** Node exposes nowhere else whether responses are still to be sent on a socket. */
const answerOn = (socket: Duplex): ServerResponse | null | undefined =>
  (socket as { _httpMessage?: ServerResponse | null })._httpMessage

/**
 * Receives upgrades. Node hands over their sockets without a reader and without a deadline, so each one is owned here
 * until it is opened or gone:
 *
 * - a WebSocket is emitted as `upgrade`, as a server does it, a few per turn of the event loop. When a thousand clients
 *   return at once, all their requests arrive before the first is answered: done in one turn, their handshakes would
 *   block everything else;
 * - any other offer (`h2c`, a POST) is given back to the server as the plain request that it also is;
 * - what cannot be answered is destroyed.
 */
export class UpgradeIntake extends EventEmitter<{ upgrade: [IncomingMessage, Duplex, Buffer] }> {
  readonly #options: UpgradeIntakeOptions
  readonly #pace = new TurnPace(PER_TURN, setImmediate)
  readonly #upgrades = new WeakMap<IncomingMessage, Upgrade>()
  readonly #owned = new Set<Duplex>()
  readonly #closed: (this: Duplex) => void
  readonly #listeners = new Listeners<[Duplex]>()

  constructor(options: UpgradeIntakeOptions) {
    super()
    this.#options = options
    const owned = this.#owned
    this.#closed = function () {
      owned.delete(this)
    }
    options.server.on('upgrade', this.#onUpgrade)
    intakesOf.set(options.server, (intakesOf.get(options.server) ?? new Set()).add(this))
  }

  /**
   * Calls the listener for every socket that leaves the HTTP server. A socket that is given back arrives as a new
   * connection.
   */
  onTaken(listener: (socket: Duplex) => void): () => void {
    return this.#listeners.add(listener)
  }

  /** Undefined if the request is not an upgrade or was already upgraded. */
  upgradeOf(request: IncomingMessage): Upgrade | undefined {
    return this.#upgrades.get(request)
  }

  /** From here on the socket belongs to the caller. */
  release(request: IncomingMessage): void {
    const upgrade = this.#upgrades.get(request)
    if (upgrade === undefined) return
    this.#upgrades.delete(request)
    this.#disown(upgrade.socket)
  }

  /** Ends the sockets that are not open yet. */
  cut(): void {
    for (const socket of this.#owned) socket.destroy()
  }

  stop(): void {
    this.#options.server.off('upgrade', this.#onUpgrade)
    intakesOf.get(this.#options.server)?.delete(this)
    this.cut()
  }

  #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { isSocketPath } = this.#options
    if (!isSocketPath(request.url ?? '') && !this.#isLast(request.url ?? '')) return
    this.#own(socket)
    this.#afterEarlierAnswers(socket, () => {
      if (isWebSocketUpgrade(request)) this.#pace.take(() => this.#tell(request, { socket, head }))
      else this.#giveBack(request, { socket, head })
    })
  }

  /** Whether this intake must answer the upgrade, because neither another listener nor another Fleetwire takes it. */
  #isLast(path: string): boolean {
    const { server } = this.#options
    const intakes = [...(intakesOf.get(server) ?? [])]
    if (server.listenerCount('upgrade') > intakes.length) return false
    return intakes[0] === this && !intakes.some(intake => intake.#options.isSocketPath(path))
  }

  /** An `error` event without a listener would end the process. */
  #own(socket: Duplex): void {
    this.#owned.add(socket)
    socket.on('error', ignore)
    socket.on('close', this.#closed)
    this.#listeners.tell(socket)
  }

  #disown(socket: Duplex): void {
    this.#owned.delete(socket)
    socket.off('error', ignore)
    socket.off('close', this.#closed)
  }

  /** Responses are sent in request order (RFC 9112 §9.3.2). Nothing is read until then, so there is a deadline. */
  #afterEarlierAnswers(socket: Duplex, then: () => void): void {
    if (!answerOn(socket)) {
      then()
      return
    }
    const deadline = this.#options.clock.setTimeout(() => socket.destroy(), EARLIER_ANSWERS_MS)
    const next = () => {
      const answer = answerOn(socket)
      if (answer && !socket.destroyed) return void answer.once('close', next)
      deadline.cancel()
      if (socket.writable) then()
      else socket.destroy()
    }
    next()
  }

  #tell(request: IncomingMessage, upgrade: Upgrade): void {
    if (upgrade.socket.destroyed) return
    this.#upgrades.set(request, upgrade)
    const { socket, head } = upgrade
    this.emit('upgrade', request, socket, head)
    // Some responses call no hook, such as one to a URL that cannot be parsed.
    answerOn(socket)?.once('finish', () => this.#end(socket))
  }

  /** After a response over HTTP: waits for the peer to read it, then destroys the socket. */
  #end(socket: Duplex): void {
    if (!this.#owned.has(socket)) return
    const deadline = this.#options.clock.setTimeout(() => socket.destroy(), LAST_WORDS_MS)
    socket.once('close', () => deadline.cancel())
    socket.end(() => socket.destroy())
  }

  #giveBack(request: IncomingMessage, { socket, head }: Upgrade): void {
    // Nothing can be given back to a stream that has ended.
    if (socket.readableEnded) return void socket.destroy()
    this.#disown(socket)
    // Clears a timeout left over from earlier requests.
    ;(socket as { setTimeout?: (ms: number) => void }).setTimeout?.(0)
    socket.unshift(Buffer.concat([plainHead(request), head]))
    this.#options.server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket)
  }
}
