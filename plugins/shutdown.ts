import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import fp from 'fastify-plugin'
import type { Timer } from '../src/clock.ts'

/** How long a pending response may still take once everything else has drained. */
const ANSWER_DEADLINE_MS = 10_000

/**
 * Keeps peers from holding up the close. Node waits for every connection that is not idle, including one that has sent
 * nothing yet (browsers and probes open these) or only half a request. Registered after the plugins that drain before
 * it.
 */
export default fp(
  async app => {
    const { server, clock, upgradeIntake } = app
    // A TLS socket is a separate object on top of the accepted socket.
    const connected = server instanceof TlsServer ? 'secureConnection' : 'connection'
    /** The number of requests being served, for each connection that is not a WebSocket. */
    const answering = new Map<Socket, number>()
    let deadline: Timer | undefined
    const count = (socket: Socket, change: number) => {
      const now = answering.get(socket)
      if (now !== undefined) answering.set(socket, now + change)
    }
    let allGone = () => {}
    const forget = (socket: Socket) => {
      answering.delete(socket)
      if (answering.size === 0) allGone()
    }
    function closed(this: Socket): void {
      forget(this)
    }
    const opened = (socket: Socket) => {
      answering.set(socket, 0)
      socket.on('close', closed)
    }
    const onRequest = ({ socket }: IncomingMessage, response: ServerResponse) => {
      count(socket, 1)
      response.once('close', () => count(socket, -1))
    }
    // From here on the intake is responsible for the socket.
    const stopListening = upgradeIntake.onTaken(socket => {
      socket.off('close', closed)
      forget(socket as Socket)
    })
    server.on(connected, opened)
    server.on('request', onRequest)

    const dropIdle = () => {
      for (const [socket, requests] of answering) if (requests === 0) socket.destroy()
    }
    app.addHook('preClose', async () => {
      dropIdle()
      deadline = clock.setTimeout(() => {
        server.closeAllConnections()
        upgradeIntake.cut()
      }, ANSWER_DEADLINE_MS)
    })
    app.addHook('onClose', async () => {
      // The server has waited for the sockets that it accepted, but not for those that another process accepted for it.
      dropIdle()
      if (answering.size > 0) await new Promise<void>(resolve => (allGone = resolve))
      deadline?.cancel()
      server.off(connected, opened)
      server.off('request', onRequest)
      stopListening()
    })
  },
  { name: 'fleetwire-shutdown', dependencies: ['fleetwire-websocket'] },
)
