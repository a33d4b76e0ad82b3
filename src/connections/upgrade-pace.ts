import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { TurnPace } from '../turn-pace.ts'

/** Each takes a fraction of a ms. */
const PER_TURN = 8

const ignore = () => {}

/**
 * Tells of the upgrades that a server is asked for, a few in each turn of the event loop. A thousand clients that come
 * back at once have all asked before the first is answered: done in one turn, their handshakes would keep everybody
 * else waiting until the last is in.
 */
export class UpgradePace extends EventEmitter {
  readonly #server: Server
  readonly #pace = new TurnPace(PER_TURN, setImmediate)

  constructor(server: Server) {
    super()
    this.#server = server
    server.on('upgrade', this.#asked)
  }

  stop(): void {
    this.#server.off('upgrade', this.#asked)
  }

  #asked = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Nobody else hears of the socket until its turn, and an error that nobody hears ends the process.
    socket.on('error', ignore)
    this.#pace.take(() => {
      if (socket.destroyed) return
      this.emit('upgrade', request, socket, head)
      socket.off('error', ignore)
    })
  }
}
