import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

const WINDOW_MS = 60_000

/**
 * REST_RATE requests a minute for each principal, and for each address where no principal is known: whoever tries
 * tokens is counted too. Routes with `config: { rateLimit: false }` have limits of their own, or need none.
 */
export default fp(
  async app => {
    async function keyGenerator(request: FastifyRequest): Promise<string> {
      const verdict = await app.identify(request)
      if ('refusal' in verdict) return `address ${normalizeIP(request.ip)}`
      return `${verdict.principal.role} ${verdict.principal.sub}`
    }
    await app.register(rateLimit, {
      global: false,
      max: app.config.REST_RATE,
      timeWindow: WINDOW_MS,
      enableDraftSpec: true,
      keyGenerator,
      allowList: ({ routeOptions }) => routeOptions.config.rateLimit === false,
      errorResponseBuilder: (_request, { max, after, statusCode }) =>
        Object.assign(new Error(`More than ${max} requests in a minute; wait ${after}.`), { statusCode }),
    })
    app.addHook('onRequest', app.rateLimit())
  },
  { name: 'fleetwire-rate-limit', dependencies: ['fleetwire-auth'] },
)
