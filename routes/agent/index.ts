import { type AgentFrame, type AgentServerPayloads, agentServerFrameFlaw, decodeAgentFrame } from '@fleetwire/protocol'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'

/** The registry marks a silent agent late, then offline; this closes the socket if it stays dead for longer. */
const SILENT_INTERVALS = 4

/** The socket of one agent: the `sub` of its token is its id. */
const agent: FastifyPluginAsync = async app => {
  const liveness = { intervalMs: app.config.AGENT_HEARTBEAT_MS, silentLimit: SILENT_INTERVALS }
  app.get(
    '/agent',
    {
      onRequest: [app.checkOrigin, ...app.admit('GET /agent')],
      preHandler: app.admitSocket,
      // Sockets have their own limits, for everyone with a token.
      config: { rateLimit: false, queryToken: true },
      websocket: true,
      exposeHeadRoute: false,
      schema: { hide: true },
    },
    (socket, request) => {
      const connection = app.openConnection<AgentFrame, AgentServerPayloads>(socket, request, {
        kind: 'agent',
        decode: decodeAgentFrame,
        flawOf: agentServerFrameFlaw,
        liveness,
        onFrame: frame => input.onFrame(frame),
        onRefused: ({ n }) => n !== undefined && input.onRefused(n),
        onClose: code => input.onClose(code),
      })
      const input = app.openAgent(connection.principal.sub, connection)
    },
  )
}

export default fp(agent, { name: 'fleetwire-routes-agent', encapsulate: true })
