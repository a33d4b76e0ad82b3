import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  type ConnectionInfo,
  ConnectionPage,
  ConnectionParams,
  ListConnectionsQuery,
  WebsocketStatus,
} from '@fleetwire/protocol'
import { canSeeAgent, covers, seesFleet } from '../../../../src/auth/permissions.ts'
import type { Principal } from '../../../../src/auth/principal.ts'
import type { OpenConnection } from '../../../../src/connections/connection-registry.ts'
import { notFound } from '../../../../src/outcome.ts'
import { callerOf } from '../../../caller.ts'

const tags = ['connections']

const shown = ({ id, kind, principal, address, openedAt, bufferedBytes }: OpenConnection): ConnectionInfo => ({
  ...{ connectionId: id, kind, sub: principal.sub, role: principal.role, address, openedAt, bufferedBytes },
})

/** A connection is visible to those who have the rights of its holder, and to the holder. */
const exists = (principal: Principal, { kind, principal: holder }: OpenConnection): boolean => {
  if (kind === 'agent') return canSeeAgent(principal, holder.sub)
  return covers(principal, holder)
}

/** The connections of this process: how many, whose, and how to close one. */
const connectionsRoutes: FastifyPluginAsyncTypebox = async app => {
  const { broadcaster, connections } = app

  app.get(
    '/websocket/status',
    { schema: { tags, summary: 'Count sockets and deliveries', response: { 200: WebsocketStatus } } },
    async ({ principal }) => {
      const seen = seesFleet(principal) ? undefined : (one: OpenConnection) => exists(principal, one)
      const { mostBufferedBytes, ...sockets } = connections.stats(seen)
      return { ...sockets, ...broadcaster.stats() }
    },
  )

  app.get(
    '/connections',
    {
      schema: {
        tags,
        summary: 'List open sockets, by id',
        querystring: ListConnectionsQuery,
        response: { 200: ConnectionPage },
      },
    },
    async ({ principal, query: { sub, limit = 50, cursor = '' } }) => {
      const rest = (sub === undefined ? connections.list() : connections.ofSub(sub))
        .filter(connection => connection.id > cursor && exists(principal, connection))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
      const items = rest.slice(0, limit).map(shown)
      return { items, nextCursor: rest.length > limit ? items.at(-1)!.connectionId : null }
    },
  )

  app.delete(
    '/connections/:connectionId',
    {
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
      const { connectionId } = request.params
      const connection = connections.get(connectionId)
      if (connection === undefined || !exists(principal, connection))
        return reply.refuse(notFound('connection', connectionId))
      await app.audit(callerOf(request).actor, 'connection:close', connectionId)
      connection.close(4403, `closed by ${principal.sub}`)
      return reply.code(204).send(null)
    },
  )
}
export default connectionsRoutes
