import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  type ClientFrame,
  decodeClientFrame,
  type ServerPayloads,
  serverFrameFlaw,
  TaskParams,
} from '@fleetwire/protocol'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { WebSocket } from 'ws'
import { type Dashboard, orReconnect, sendEstablished } from './dashboard.ts'
import { handleFrame } from './handlers/index.ts'
import { answerFrames } from './perform.ts'

const SILENT_INTERVALS = 2

/** The sockets of dashboards, backends and the CLI. */
const ws: FastifyPluginAsyncTypebox = async app => {
  answerFrames(app)
  const liveness = { intervalMs: app.config.HEARTBEAT_MS, silentLimit: SILENT_INTERVALS }

  function open(socket: WebSocket, request: FastifyRequest): Dashboard {
    const connection = app.openConnection<ClientFrame, ServerPayloads>(socket, request, {
      kind: 'dashboard',
      decode: decodeClientFrame,
      flawOf: serverFrameFlaw,
      liveness,
      onBeat: () => connection.send('heartbeat', { timestamp: app.clock.now() }),
      onFrame: frame => handleFrame(frame, dashboard),
      onClose: () => {
        dashboard.subscriber.close()
        app.terminals.leave(connection)
      },
    })
    const subscriber = app.broadcaster.attach(connection, connection.principal)
    const dashboard: Dashboard = { app, connection, subscriber, wanted: new Set() }
    sendEstablished(dashboard, { resumed: false, cursor: app.broadcaster.position })
    app.flusher.flush(connection)
    return dashboard
  }

  const before = {
    preHandler: app.admitSocket,
    // Sockets have their own limits, for everyone with a token.
    config: { rateLimit: false as const, queryToken: true },
    websocket: true as const,
    exposeHeadRoute: false,
  }

  const onRequest = (route: string) => [app.checkOrigin, ...app.admit(route)]

  app.get('/ws', { ...before, onRequest: onRequest('GET /ws'), schema: { hide: true } }, (socket, request) => {
    open(socket, request)
  })

  /** Like `/ws`, with the view of one task subscribed from the start. */
  app.get(
    '/ws/tasks/:taskId',
    {
      ...before,
      onRequest: onRequest('GET /ws/tasks/:taskId'),
      schema: { hide: true, params: TaskParams },
    },
    (socket, request) => {
      const dashboard = open(socket, request)
      const pattern = `tasks.${request.params.taskId}.>`
      dashboard.wanted.add(pattern)
      void orReconnect(dashboard, dashboard.subscriber.subscribe([pattern], true))
    },
  )
}
export default fp(ws, { name: 'fleetwire-routes-ws', encapsulate: true })
