import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Health, Ready } from '@fleetwire/protocol'

export interface HealthOptions {
  version: string
}

/** Probes ask often and have no token: they are neither limited nor logged. */
const probe = { logLevel: 'warn', config: { rateLimit: false } } as const
const about = { tags: ['server'], security: [] }

const health: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { version }) => {
  const startedAt = app.clock.monotonic()

  app.get(
    '/health',
    { ...probe, schema: { ...about, summary: 'The process runs', response: { 200: Health } } },
    async () => ({ status: 'ok' as const, version, uptimeMs: Math.floor(app.clock.monotonic() - startedAt) }),
  )

  app.get(
    '/ready',
    { ...probe, schema: { ...about, summary: 'New work is accepted', response: { 200: Ready, 503: Ready } } },
    async (_request, reply) => {
      if (app.lifecycle.phase === 'draining') return reply.code(503).send({ ready: false, store: 'draining' })
      const verdict = await app.storeProbe.verdict()
      if (!verdict.ready) return reply.code(503).send({ ready: false, store: verdict.reason })
      return { ready: true, store: 'ok' }
    },
  )
}
export default health
