import type { Server } from 'node:http'
import websocket from '@fastify/websocket'
import { wireError } from '@fleetwire/protocol'
import type { preHandlerHookHandler, FastifyRequest as Request } from 'fastify'
import fp from 'fastify-plugin'
import type { WebSocket } from 'ws'
import { SUBPROTOCOL } from '../src/auth/token-source.ts'
import type { Connection } from '../src/connections/connection.ts'
import type { BasePayloads, ConnectionOptions, InboundFrame } from '../src/connections/connection-options.ts'
import { UpgradeGate } from '../src/connections/upgrade-gate.ts'
import { UpgradePace } from '../src/connections/upgrade-pace.ts'
import { WsSocket, wsServerOptions } from '../src/connections/ws-socket.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What stands before every upgrade. */
    upgrades: UpgradeGate
    /** The last preHandler of a socket's route: in its turn, or 503 or 429 where one socket more is too many. */
    admitSocket: preHandlerHookHandler
    /** What a socket's route calls, in the turn of the upgrade. The connection belongs to `request.principal`. */
    openConnection<In extends InboundFrame, Out extends BasePayloads>(
      socket: WebSocket,
      request: Request,
      options: ConnectionOptions<In, Out>,
    ): Connection<In, Out>
  }
}

export default fp(
  async app => {
    const { clock, connections, config, refusals } = app
    const gate = new UpgradeGate({
      clock,
      refusals,
      room: principal => connections.refusal(principal),
      limits: {
        upgradeRate: config.UPGRADE_RATE,
        upgradeBurst: config.UPGRADE_BURST,
        admissionRate: config.ADMISSION_RATE,
        admissionWaitMs: config.ADMISSION_WAIT_MS,
      },
    })
    const pace = new UpgradePace(app.server)
    await app.register(websocket, {
      options: {
        // Where the library listens for upgrades.
        server: pace as unknown as Server,
        ...wsServerOptions(config.MAX_FRAME_BYTES, config.COMPRESSION),
        // A browser offers its token as a second name: that one is never echoed.
        handleProtocols: offered => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
      },
      // While the server still listens: clients are told when to come back, and stores are closed after them.
      async preClose() {
        gate.close()
        await connections.closeAll()
        app.websocketServer.close()
      },
    })

    // Not before: an upgrade that still comes is refused, where nobody listens it would wait for ever.
    app.addHook('onClose', async () => pace.stop())

    app.decorate('upgrades', gate)
    app.addHook('onRequest', (request, reply, done) => {
      const refusal = request.ws ? gate.knock(app.addressOf(request)) : undefined
      if (refusal === undefined) done()
      else reply.refuse(refusal)
    })
    app.decorate('admitSocket', (request, reply, done) => {
      if (!request.ws) {
        reply.refuse(wireError('invalid_request', 'This is the address of a WebSocket: send an upgrade request.'))
        return
      }
      gate.enter(request.principal, refusal => {
        if (refusal !== undefined) {
          reply.refuse(refusal)
          return
        }
        const { socket } = request.raw
        // From here on nothing is answered over HTTP; attached, the response would live as long as the socket.
        reply.raw.detachSocket(socket)
        // The head of the upgrade and the first words of the connection leave in one write.
        socket.cork()
        done()
        socket.uncork()
      })
    })
    app.decorate('openConnection', (socket, request, options) => {
      const { principal } = request
      const caller = { principal, address: app.addressOf(request) }
      const connection = connections.open(new WsSocket(socket, request.raw.socket), caller, options)
      // The one line that ties the id of the request to that of the connection, which all later ones carry.
      request.log.debug({ connectionId: connection.id, sub: principal.sub, role: principal.role }, 'connection opened')
      return connection
    })
  },
  { name: 'fleetwire-websocket', dependencies: ['fleetwire-connections', 'fleetwire-auth', 'fleetwire-errors'] },
)
