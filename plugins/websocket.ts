import websocket from '@fastify/websocket'
import { wireError } from '@fleetwire/protocol'
import type { preHandlerHookHandler, FastifyRequest as Request } from 'fastify'
import fp from 'fastify-plugin'
import type { WebSocket } from 'ws'
import { SUBPROTOCOL } from '../src/auth/token-source.ts'
import type { Connection } from '../src/connections/connection.ts'
import type { BasePayloads, ConnectionOptions, InboundFrame } from '../src/connections/connection-options.ts'
import { WsSocket, wsServerOptions } from '../src/connections/ws-socket.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The last preHandler of a socket's route: 503 or 429 where one socket more is too many. */
    admitSocket: preHandlerHookHandler
    /** What a socket's route calls, in the turn of the upgrade. The connection belongs to `request.principal`. */
    openConnection<In extends InboundFrame, Out extends BasePayloads>(
      socket: WebSocket,
      request: Request,
      options: Omit<ConnectionOptions<In, Out>, 'principal'>,
    ): Connection<In, Out>
  }
}

const NO_ROOM_RETRY_MS = 5000

export default fp(
  async app => {
    const { connections, config } = app
    await app.register(websocket, {
      options: {
        ...wsServerOptions(config.MAX_FRAME_BYTES),
        // A browser offers its token as a second name: that one is never echoed.
        handleProtocols: offered => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
      },
      // While the server still listens: clients are told when to come back, and stores are closed after them.
      async preClose() {
        await connections.closeAll()
        app.websocketServer.close()
      },
    })

    app.decorate('admitSocket', (request, reply, done) => {
      if (!request.ws) {
        reply.refuse(wireError('invalid_request', 'This is the address of a WebSocket: send an upgrade request.'))
        return
      }
      const refusal = connections.refusal(request.principal)
      if (refusal !== undefined) {
        reply.refuse(wireError(refusal.code, refusal.message, { retryAfterMs: NO_ROOM_RETRY_MS }))
        return
      }
      // From here on nothing is answered over HTTP; attached, the response would live as long as the socket.
      reply.raw.detachSocket(request.raw.socket)
      done()
    })
    app.decorate('openConnection', (socket, request, options) => {
      const { principal } = request
      const connection = connections.open(new WsSocket(socket, request.raw.socket), { ...options, principal })
      // The one line that ties the id of the request to that of the connection, which all later ones carry.
      request.log.debug({ connectionId: connection.id, sub: principal.sub, role: principal.role }, 'connection opened')
      return connection
    })
  },
  { name: 'fleetwire-websocket', dependencies: ['fleetwire-connections', 'fleetwire-auth', 'fleetwire-errors'] },
)
