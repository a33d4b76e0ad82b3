import type { Server } from 'node:http'
import websocket from '@fastify/websocket'
import { type WireError, wireError } from '@fleetwire/protocol'
import type { preHandlerHookHandler, FastifyRequest as Request } from 'fastify'
import fp from 'fastify-plugin'
import type { WebSocket } from 'ws'
import { SUBPROTOCOL } from '../src/auth/token-source.ts'
import type { Connection } from '../src/connections/connection.ts'
import type { BasePayloads, ConnectionOptions, InboundFrame } from '../src/connections/connection-options.ts'
import { UpgradeGate } from '../src/connections/upgrade-gate.ts'
import { UpgradeIntake } from '../src/connections/upgrade-intake.ts'
import { WsSocket, wsServerOptions } from '../src/connections/ws-socket.ts'
import { rawAnswer } from '../src/raw-answer.ts'
import { restError } from '../src/rest-error.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Checks every upgrade. */
    upgrades: UpgradeGate
    /** Owns the sockets of upgrades until they are opened. */
    upgradeIntake: UpgradeIntake
    /**
     * The last preHandler of a socket's route: waits for a slot, or responds 503 or 429 if there are too many sockets.
     */
    admitSocket: preHandlerHookHandler
    /**
     * Called by the handler of a socket's route, in the same turn as the upgrade. The connection belongs to
     * `request.principal`.
     */
    openConnection<In extends InboundFrame, Out extends BasePayloads>(
      socket: WebSocket,
      request: Request,
      options: ConnectionOptions<In>,
    ): Connection<In, Out>
  }
}

const notASocket = (why: string): WireError =>
  wireError(
    'invalid_request',
    `This is a WebSocket endpoint, and ${why}. Send a GET without a body, with "Connection: Upgrade" and "Upgrade: websocket"; a proxy in between must forward both.`,
  )

export default fp(
  async app => {
    const { clock, connections, config, refusals, routeTable } = app
    const sockets = () => routeTable.sockets().join(', ')
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
    const intake = new UpgradeIntake({
      clock,
      server: app.server,
      isSocketPath: path => routeTable.isSocket(path),
    })
    // Runs before the library's hook, which would cut off a peer before it has read why it was refused.
    app.addHook('onResponse', (request, _reply, done) => {
      if (intake.upgradeOf(request.raw) !== undefined) request.ws = false
      done()
    })
    await app.register(websocket, {
      options: {
        // The library listens for upgrades on this.
        server: intake as unknown as Server,
        ...wsServerOptions(config.MAX_FRAME_BYTES, config.COMPRESSION),
        // A browser offers its token as a second subprotocol, which must never be echoed.
        handleProtocols: offered => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
      },
      // Runs while the server still listens: clients learn when to reconnect, and stores close after their connections.
      async preClose() {
        gate.close()
        await connections.closeAll()
        app.websocketServer.close()
      },
    })
    // Not earlier: a late upgrade must be refused, since without a listener it would wait forever.
    app.addHook('onClose', async () => intake.stop())
    // The library's response would be HTML, the only error of this server that is not JSON.
    app.websocketServer.on('wsClientError', (error, socket) => {
      const body = restError(wireError('invalid_request', `The WebSocket handshake is not valid: ${error.message}.`))
      socket.end(rawAnswer(body, { 'Sec-WebSocket-Version': '13' }), () => socket.destroy())
    })

    app.decorate('upgrades', gate)
    app.decorate('upgradeIntake', intake)
    app.addHook('onRequest', (request, reply, done) => {
      if (!request.ws) return done()
      // The next request on this socket would never be read.
      reply.raw.shouldKeepAlive = false
      const refusal = routeTable.isSocketRoute(request.routeOptions.url)
        ? gate.knock(app.addressOf(request))
        : wireError(
            'not_found',
            `There is no WebSocket at ${request.url.split('?', 1)[0]}; the endpoints are ${sockets()}.`,
          )
      if (refusal === undefined) done()
      else reply.refuse(refusal)
    })
    app.decorate('admitSocket', (request, reply, done) => {
      if (!request.ws) {
        reply.refuse(notASocket('this request is not an upgrade'))
        return
      }
      gate.enter(request.principal, refusal => {
        // The token may have expired or been revoked during the wait.
        const refused = refusal ?? app.tokens.lapsed(request.principal)
        if (refused !== undefined) {
          reply.refuse(refused)
          return
        }
        const { raw } = request
        const { socket } = raw
        intake.release(raw)
        // The header may list several protocols.
        raw.headers.upgrade = 'websocket'
        // Nothing more is sent over HTTP. If it stayed attached, the response object would live as long as the socket.
        reply.raw.detachSocket(socket)
        // Sends the response of the upgrade and the first frames in one write.
        socket.cork()
        done()
        socket.uncork()
      })
    })
    app.decorate('openConnection', (socket, request, options) => {
      const { principal } = request
      const caller = { principal, address: app.addressOf(request) }
      const connection = connections.open(new WsSocket(socket, request.raw.socket), caller, options)
      // Links the request's id to the connection's, which all later log lines carry.
      request.log.debug({ connectionId: connection.id, sub: principal.sub, role: principal.role }, 'connection opened')
      return connection
    })
  },
  { name: 'fleetwire-websocket', dependencies: ['fleetwire-connections', 'fleetwire-auth', 'fleetwire-errors'] },
)
