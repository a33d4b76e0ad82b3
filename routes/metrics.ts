import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'

/** Metrics for Prometheus. The numbers cover the whole server, so any token that may read gets all of them. */
const metrics: FastifyPluginAsyncTypebox = async app => {
  const { METRICS_PUBLIC } = app.config
  app.get(
    '/metrics',
    {
      onRequest: METRICS_PUBLIC ? [] : app.admit('GET /metrics'),
      logLevel: 'warn',
      config: { whileCutOff: true },
      schema: {
        tags: ['server'],
        summary: 'Metrics, for Prometheus',
        ...(METRICS_PUBLIC && { security: [] }),
        response: {
          200: {
            description: 'Text exposition format; docs/metrics.md names every metric',
            content: { 'text/plain': { schema: { type: 'string' } } },
          },
        },
      },
    },
    async (_request, reply) => reply.type(app.metrics.contentType).send(await app.metrics.metrics()),
  )
}
export default fp(metrics, { name: 'fleetwire-routes-metrics', encapsulate: true })
