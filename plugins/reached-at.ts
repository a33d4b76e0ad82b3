import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { FORWARDED, type ForwardedFrom, forwardedFrom } from '../src/cluster/forwarding/forwarded-request.ts'
import { Refusals } from '../src/connections/refusals.ts'
import { type ReachedAt, reachedAt } from '../src/reached-at.ts'
import { parseTrustProxy } from '../src/trust-proxy.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** How the sender of a request reaches this server, through the proxies that `TRUST_PROXY` trusts. */
    reachedAt(request: FastifyRequest): ReachedAt
    /** The sender of a request that another node forwarded, as that node saw it; undefined for all other requests. */
    forwardedFrom(request: FastifyRequest): ForwardedFrom | undefined
    /** The public form of a path of this server, for `Location`. */
    publicPath(request: FastifyRequest, path: string): string
    /** The address by which limits count a request: an IPv6 address is reduced to its /64. */
    addressOf(request: FastifyRequest): string
    /** How often each limit refused a request, over REST and on sockets. */
    refusals: Refusals
  }
  interface FastifyRequest {
    /** Caches the result of `app.addressOf`: asking the kernel for the address and parsing it takes time. */
    limitedAddress: string | null
    /** Caches the result of `app.forwardedFrom`, which is called several times per request. */
    forwarded: ForwardedFrom | null
  }
}

/** Fastify determines host and scheme from the same setting, but does not handle prefixes and ports. */
export default fp(
  async app => {
    const trust = parseTrustProxy(app.config.TRUST_PROXY)
    // An embedding app has its own trust settings; if it trusts a proxy, `ips` has a second address.
    const isTrusted = ({ ips, socket }: FastifyRequest) =>
      trust?.(socket.remoteAddress ?? '', 0) === true || (ips?.length ?? 0) > 1
    app.decorateRequest('forwarded', null)
    app.decorate('forwardedFrom', request => {
      if (app.cluster === undefined || request.headers[FORWARDED] === undefined) return undefined
      request.forwarded ??= forwardedFrom(request.headers, app.cluster.key) ?? null
      return request.forwarded ?? undefined
    })
    app.decorate('reachedAt', request => {
      const from = app.forwardedFrom(request)
      if (from !== undefined) return from.reachedAt
      const { headers, host, protocol } = request
      return reachedAt({ headers, host, protocol, isTrusted: isTrusted(request) })
    })
    app.decorate('refusals', new Refusals())
    app.decorateRequest('limitedAddress', null)
    app.decorate('addressOf', request => {
      // A closed socket has no address any more. Such requests are counted together.
      request.limitedAddress ??=
        app.forwardedFrom(request)?.address ?? normalizeIP((request.ip as string | undefined) ?? '')
      return request.limitedAddress
    })
    app.decorate('publicPath', (request, path) => {
      const isForwarded = request.headers['x-forwarded-prefix'] !== undefined
      return isForwarded ? app.reachedAt(request).prefix + path : path
    })
  },
  { name: 'fleetwire-reached-at' },
)
