import rateLimit from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

const WINDOW_MS = 60_000
const ADDRESS = 'address '

/**
 * REST_RATE requests a minute per principal, or per address if the principal is unknown, so that guessing tokens is
 * limited too. Routes with `config: { rateLimit: false }` have their own limits, or need none.
 */
export default fp(
  async app => {
    const { refusals } = app
    async function keyGenerator(request: FastifyRequest): Promise<string> {
      const verdict = await app.identify(request)
      if ('refusal' in verdict) return `${ADDRESS}${app.addressOf(request)}`
      return `${verdict.principal.role} ${verdict.principal.sub}`
    }
    await app.register(rateLimit, {
      global: false,
      max: app.config.REST_RATE,
      timeWindow: WINDOW_MS,
      enableDraftSpec: true,
      keyGenerator,
      onExceeded: (_request, key) => refusals.add(key.startsWith(ADDRESS) ? 'rest_per_address' : 'rest_per_principal'),
      errorResponseBuilder: (_request, { max, after, statusCode }) =>
        Object.assign(new Error(`More than ${max} requests in a minute; wait ${after}.`), { statusCode }),
    })
    const limit = app.rateLimit()
    app.addHook('onRequest', (request, reply, done) => {
      if (request.routeOptions.config.rateLimit === false) done()
      else limit.call(app, request, reply).then(() => done(), done)
    })
  },
  { name: 'fleetwire-rate-limit', dependencies: ['fleetwire-auth'] },
)
