import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  type ConnectionInfo,
  ConnectionPage,
  Id,
  ListConnectionsQuery,
  WebsocketStatus,
  wireError,
} from '@fleetwire/protocol'
import { Type } from '@sinclair/typebox'
import type { OpenConnection } from '../../../../src/connections/connection-registry.ts'

const tags = ['connections']
const Params = Type.Object({ connectionId: Id })

const shown = ({ id, kind, principal, address, openedAt, bufferedBytes }: OpenConnection): ConnectionInfo => ({
  ...{ connectionId: id, kind, sub: principal.sub, role: principal.role, address, openedAt, bufferedBytes },
})

/** The sockets of this process: how many, whose, and the way to end one. */
const connectionsRoutes: FastifyPluginAsyncTypebox = async app => {
  const { broadcaster, connections } = app
  const read = { onRequest: app.authorize('read') }
  const admin = { onRequest: app.authorize('admin') }

  app.get(
    '/websocket/status',
    { ...read, schema: { tags, summary: 'Count sockets and deliveries', response: { 200: WebsocketStatus } } },
    async () => {
      const { mostBufferedBytes, ...sockets } = connections.stats()
      return { ...sockets, ...broadcaster.stats() }
    },
  )

  app.get(
    '/connections',
    {
      ...admin,
      schema: {
        tags,
        summary: 'List open sockets, by id',
        querystring: ListConnectionsQuery,
        response: { 200: ConnectionPage },
      },
    },
    async ({ query: { sub, limit = 50, cursor = '' } }) => {
      const rest = (sub === undefined ? connections.list() : connections.ofSub(sub))
        .filter(({ id }) => id > cursor)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
      const items = rest.slice(0, limit).map(shown)
      return { items, nextCursor: rest.length > limit ? items.at(-1)!.connectionId : null }
    },
  )

  app.delete(
    '/connections/:connectionId',
    {
      ...admin,
      schema: {
        tags,
        summary: 'Close a socket',
        description: 'With 4403: its client stops. To keep out whoever holds the token, revoke that.',
        params: Params,
        refusals: ['not_found'],
        response: { 204: Type.Null({ description: 'It is being closed' }) },
      },
    },
    async ({ params: { connectionId }, principal }, reply) => {
      const connection = connections.get(connectionId)
      if (connection === undefined)
        return reply.refuse(wireError('not_found', `There is no connection "${connectionId}".`))
      connection.close(4403, `closed by ${principal.sub}`)
      return reply.code(204).send(null)
    },
  )
}
export default connectionsRoutes
