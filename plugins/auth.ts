import { type WireError, wireError } from '@fleetwire/protocol'
import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { accessRefusal, routeAccess } from '../src/auth/access.ts'
import { type HostAnswer, hostPrincipal } from '../src/auth/host-user.ts'
import { Origins } from '../src/auth/origins.ts'
import { isOwnOrigin } from '../src/auth/own-origin.ts'
import type { Principal } from '../src/auth/principal.ts'
import type { TokenVerdict } from '../src/auth/token-service.ts'
import { findToken } from '../src/auth/token-source.ts'
import { KeyedBuckets } from '../src/connections/keyed-buckets.ts'
import { FLW_ERR_AUTH_NO_ROW } from '../src/errors.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Verifies the token of a request. The verdict is cached on the request, so later calls return the same one. */
    identify(request: FastifyRequest): TokenVerdict | Promise<TokenVerdict>
    /** Counts a refused token against its sender. Returns `refusal`, or a rate-limit error after too many attempts. */
    countFalse(request: FastifyRequest, refusal: WireError): WireError
    /** An onRequest hook: 401 without a valid token; sets `request.principal` otherwise. */
    authenticate: onRequestHookHandler
    /**
     * The onRequest hooks that a route's row in the access table requires. `route` is the route's name there, such as
     * `GET /ws`.
     */
    admit(route: string): onRequestHookHandler[]
    /**
     * An onRoute hook for a scope: adds the access check of each route's row. Throws FLW_ERR_AUTH_NO_ROW if a route has
     * no row. `base` is the scope's name in the table, whatever `prefix` the embedding app mounted it under.
     */
    admitRoutes(prefix: string, base?: string): (route: RouteOptions) => void
    /** An onRequest hook for upgrades, which CORS does not protect: 403 for pages from other origins. */
    checkOrigin: onRequestHookHandler
    origins: Origins
  }
  interface FastifyContextConfig {
    /** Whether `?token=` is accepted, for browsers that cannot send a header. */
    queryToken?: boolean
  }
  interface FastifyRequest {
    /** Set only after `app.authenticate`. */
    principal: Principal
    verdict: TokenVerdict | Promise<TokenVerdict> | null
  }
}

const noToken = wireError('unauthorized', 'A token is required: send Authorization: Bearer <jwt>.')
const loginOver = wireError('unauthorized', 'The login has expired.')
const onlySockets = wireError(
  'unauthorized',
  'A token in the query string is not accepted here (only sockets and /events/stream accept one): send Authorization: Bearer <jwt>.',
)

const foreignPage = (origin: string, host: string) =>
  `Pages of ${origin} may not connect to ${host}: allow the origin in FLEETWIRE_ALLOWED_ORIGINS or, if a proxy in between uses another name for this server, name the proxy in FLEETWIRE_TRUST_PROXY.`

export interface AuthOptions {
  /** Identifies the sender of a request for the embedding app; null for requests that carry a token instead. */
  authenticate?: ((request: FastifyRequest) => HostAnswer | Promise<HostAnswer>) | undefined
}

export default fp<AuthOptions>(
  async (app, { authenticate }) => {
    const { ALLOW_QUERY_TOKEN, ALLOWED_ORIGINS } = app.config
    const origins = new Origins(ALLOWED_ORIGINS)

    function judge(request: FastifyRequest): TokenVerdict | Promise<TokenVerdict> {
      const query = request.query as Record<string, unknown>
      const takesQuery = ALLOW_QUERY_TOKEN && request.routeOptions.config.queryToken === true
      const found = findToken(request.headers, query, takesQuery)
      const hadQuery = query.token !== undefined
      // No route declares it as a parameter, and nothing after this point needs it.
      delete query.token
      switch (found.status) {
        case 'found':
          return app.verifyToken(found.token)
        case 'absent':
          return { refusal: hadQuery ? onlySockets : noToken, isHarmless: true }
        case 'malformed':
          return { refusal: wireError('unauthorized', found.message) }
      }
    }

    function isForeign(request: FastifyRequest, origin: string): boolean {
      if (origins.allows(origin) || isOwnOrigin(origin, request.host)) return false
      return !isOwnOrigin(origin, app.reachedAt(request).host)
    }

    /** The user that the embedding app identifies, or else the token's user. */
    async function judgeByHost(request: FastifyRequest): Promise<TokenVerdict> {
      const user = await authenticate?.(request)
      if (user === undefined || user === null) return judge(request)
      delete (request.query as Record<string, unknown>).token
      const { origin } = request.headers
      // Browsers attach cookies to any page's requests. A token, in contrast, would have to be known to the page.
      if (origin !== undefined && isForeign(request, origin))
        return { refusal: wireError('forbidden', foreignPage(origin, request.host)) }
      const principal = hostPrincipal(user, app.clock.now())
      return principal.expiresAt > app.clock.now() ? { principal } : { refusal: loginOver, isHarmless: true }
    }

    const { FALSE_TOKEN_RATE } = app.config
    const falseTokens = new KeyedBuckets({ ratePerSecond: FALSE_TOKEN_RATE / 60, burst: FALSE_TOKEN_RATE })
    /** Only false tokens are counted and refused, so that other clients at the same address (a proxy) still get in. */
    function refusalOf(
      request: FastifyRequest,
      { refusal, isHarmless }: Extract<TokenVerdict, { refusal: WireError }>,
    ) {
      return refusal.code !== 'unauthorized' || isHarmless ? refusal : app.countFalse(request, refusal)
    }

    app.decorateRequest('principal', null as unknown as Principal)
    app.decorateRequest('verdict', null)
    app.decorate('origins', origins)
    app.decorate('countFalse', (request, refusal) => {
      const retryAfterMs = falseTokens.take(app.addressOf(request), app.clock.monotonic())
      if (retryAfterMs === 0) return refusal
      app.refusals.add('false_tokens_per_address')
      return wireError('rate_limited', 'Too many invalid tokens from this address: wait before trying again.', {
        retryAfterMs,
      })
    })
    app.decorate('identify', request => {
      request.verdict ??= authenticate === undefined ? judge(request) : judgeByHost(request)
      return request.verdict
    })
    app.decorate('authenticate', (request, reply, done) => {
      const proceed = (verdict: TokenVerdict): void => {
        if ('refusal' in verdict) reply.refuse(refusalOf(request, verdict))
        else {
          request.principal = verdict.principal
          done()
        }
      }
      const verdict = app.identify(request)
      if (verdict instanceof Promise) verdict.then(proceed, done)
      else proceed(verdict)
    })
    app.decorate('admit', route => {
      const access = routeAccess[route]
      if (access === undefined) throw new FLW_ERR_AUTH_NO_ROW(route)
      if (access.asks === 'nothing') return []
      const check: onRequestHookHandler = (request, reply, done) => {
        const { agentId } = request.params as { agentId?: string }
        const refusal = accessRefusal(request.principal, access, agentId)
        if (refusal === undefined) done()
        else reply.refuse(refusal)
      }
      return [app.authenticate, check]
    })
    app.decorate('admitRoutes', (prefix, base = '/api/v1') => route => {
      // Fastify derives a HEAD route from each GET route.
      const method = route.method === 'HEAD' ? 'GET' : String(route.method)
      route.onRequest = app.admit(`${method} ${base}${route.url.slice(prefix.length)}`)
    })
    app.decorate('checkOrigin', (request, reply, done) => {
      const { origin } = request.headers
      if (origin === undefined || !isForeign(request, origin)) done()
      else reply.refuse(wireError('forbidden', foreignPage(origin, request.host)))
    })
  },
  { name: 'fleetwire-auth', dependencies: ['fleetwire-jwt', 'fleetwire-errors', 'fleetwire-reached-at'] },
)
