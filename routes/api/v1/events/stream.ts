import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ResumeHeaders, StreamQuery } from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { topicsOf } from './topics.ts'

const head = {
  // Lower case, as Fastify spells header names, so that these replace Fastify's own.
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  // Proxies that buffer responses would hold events back.
  'x-accel-buffering': 'no',
}

/** The log as server-sent events: the same events as on a socket, for clients that have only HTTP. */
const stream: FastifyPluginAsyncTypebox = async app => {
  const { broadcaster, config, connections } = app
  app.get(
    '/events/stream',
    {
      exposeHeadRoute: false,
      config: { queryToken: true, onAnyNode: true },
      schema: {
        tags: ['events'],
        summary: 'Follow events as they happen',
        description:
          'Server-sent events: `event` is the type, `id` the cursor, `data` the event. `Last-Event-ID` continues after that cursor; where that is not possible, `resync` comes first and then `snapshot`.',
        querystring: StreamQuery,
        headers: ResumeHeaders,
        refusals: ['subscription_limit'],
        response: {
          200: { description: 'A stream', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        },
      },
    },
    async (request, reply) => {
      const { principal, query, headers } = request
      const verdict = topicsOf(principal, query.topics)
      if (verdict.status === 'refused') return reply.refuse(verdict.error)
      const noRoom = connections.refusal(principal)
      if (noRoom !== undefined) return reply.refuse(noRoom)

      const { topics } = verdict
      const from = headers['last-event-id'] || undefined
      reply.hijack()
      reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...head })
      const sink = connections.openStream(reply.raw, {
        principal,
        address: app.addressOf(request),
        keepAliveMs: config.HEARTBEAT_MS,
        cursor: from ?? broadcaster.position,
        onClose: () => subscriber.close(),
      })
      const subscriber = broadcaster.attach(sink, principal)
      request.log.debug({ connectionId: sink.id, sub: principal.sub, role: principal.role }, 'connection opened')
      const joining =
        from === undefined
          ? subscriber.subscribe(topics, query.snapshot ?? true)
          : subscriber.resume(from, topics, ({ resumed, ...why }) => {
              if (!resumed) sink.send('resync:required', { topics, reason: 'expired', ...why })
            })
      joining.catch((err: unknown) => {
        request.log.error({ err, connectionId: sink.id }, 'a stream could not be brought up to date')
        sink.close(1012, 'the log cannot be read', { reconnectAfterMs: 1000 })
      })
    },
  )
}
export default fp(stream, { name: 'fleetwire-routes-api-events-stream', encapsulate: true })
