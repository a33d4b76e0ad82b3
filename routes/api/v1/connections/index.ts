import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ConnectionPage, ConnectionParams, ListConnectionsQuery, WebsocketStatus, wireError } from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { notFound } from '../../../../src/outcome.ts'
import { callerOf } from '../../../caller.ts'
import { OpenConnections } from './open-connections.ts'

const tags = ['connections']
/** Each node knows only its own connections, and queries the other nodes. */
const config = { onAnyNode: true }

/** The connections of all nodes: count them, list them, close one. */
const connectionsRoutes: FastifyPluginAsyncTypebox = async app => {
  const connections = new OpenConnections(app)

  app.get(
    '/websocket/status',
    { config, schema: { tags, summary: 'Count sockets and deliveries', response: { 200: WebsocketStatus } } },
    async ({ principal }) => connections.count({ principal }),
  )

  app.get(
    '/connections',
    {
      config,
      schema: {
        tags,
        summary: 'List open sockets, by id',
        querystring: ListConnectionsQuery,
        response: { 200: ConnectionPage },
      },
    },
    async ({ principal, query: { sub, limit = 50, cursor = '' } }) => {
      const { items: found, ...heard } = await connections.list({ principal, sub, after: cursor, limit: limit + 1 })
      const items = found.slice(0, limit)
      return { items, nextCursor: found.length > limit ? items.at(-1)!.connectionId : null, ...heard }
    },
  )

  app.delete(
    '/connections/:connectionId',
    {
      config,
      schema: {
        tags,
        summary: 'Close a socket',
        description: 'Closes with 4403, so its client stops. To keep the holder of the token out, revoke the token.',
        params: ConnectionParams,
        refusals: ['not_found'],
        response: { 204: { type: 'null', description: 'It is being closed' } },
      },
    },
    async (request, reply) => {
      const { principal } = request
      const { connectionId: id } = request.params
      const { isThere, nodes } = await connections.has({ principal, id })
      if (!isThere && nodes !== undefined && nodes.answered < nodes.asked) {
        const message = `Only ${nodes.answered} of ${nodes.asked} nodes answered, and none of them has this connection. Try again.`
        return reply.refuse(wireError('unavailable', message, { retryAfterMs: 1000 }))
      }
      if (!isThere) return reply.refuse(notFound('connection', id))
      await app.audit(callerOf(request).actor, 'connection:close', id)
      await connections.close({ principal, id, reason: `closed by ${principal.sub}` })
      return reply.code(204).send(null)
    },
  )
}
export default fp(connectionsRoutes, { name: 'fleetwire-routes-api-connections', encapsulate: true })
