import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Health, Ready } from '@fleetwire/protocol'
import fp from 'fastify-plugin'

export interface HealthOptions {
  version: string
}

/** Probes are frequent and have no token: they are neither limited nor logged. */
const probe = { logLevel: 'warn', config: { rateLimit: false, whileCutOff: true } } as const
const about = { tags: ['server'], security: [] }

const health: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { version }) => {
  const { cluster } = app
  const startedAt = app.clock.monotonic()

  app.get(
    '/health',
    { ...probe, schema: { ...about, summary: 'The process is running', response: { 200: Health } } },
    async () => ({ status: 'ok' as const, version, uptimeMs: Math.floor(app.clock.monotonic() - startedAt) }),
  )

  app.get(
    '/ready',
    { ...probe, schema: { ...about, summary: 'New work is accepted', response: { 200: Ready, 503: Ready } } },
    async (_request, reply) => {
      if (app.lifecycle.phase === 'draining') return reply.code(503).send({ ready: false, store: 'draining' })
      if (cluster !== undefined) {
        const { node, flaw, isActive, active, lagMs, durability, members } = cluster
        const role: 'active' | 'standby' = isActive ? 'active' : 'standby'
        const about = { node, role, active: active?.node ?? null, members: members.length, lagMs, durability }
        return reply
          .code(flaw === undefined ? 200 : 503)
          .send({ ready: flaw === undefined, store: flaw ?? 'ok', cluster: about })
      }
      const verdict = await app.storeProbe.verdict()
      if (!verdict.ready) return reply.code(503).send({ ready: false, store: verdict.reason })
      return { ready: true, store: 'ok' }
    },
  )
}
export default fp(health, { name: 'fleetwire-routes-health', encapsulate: true })
