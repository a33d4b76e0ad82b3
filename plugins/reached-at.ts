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
    /** The sender of a request that another node of the cluster passed on, as that node saw it; undefined for all others. */
    forwardedFrom(request: FastifyRequest): ForwardedFrom | undefined
    /** What `Location` names for a path of this server. */
    publicPath(request: FastifyRequest, path: string): string
    /** The address of a request as limits count it: IPv6 by its /64. */
    addressOf(request: FastifyRequest): string
    /** How often each limit refused a request, over REST and on sockets. */
    refusals: Refusals
  }
  interface FastifyRequest {
    /** Caches the result of `app.addressOf`, since asking the kernel and parsing its answer takes time. */
    limitedAddress: string | null
    /** Caches the result of `app.forwardedFrom`: one request is asked about it several times. */
    forwarded: ForwardedFrom | null
  }
}

/** Fastify finds host and scheme, with the same setting. It does not know prefixes and ports. */
export default fp(
  async app => {
    const trust = parseTrustProxy(app.config.TRUST_PROXY)
    // An app that embeds this one has its own trust settings; if they trust a proxy, a second address is known.
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
      // A closed socket no longer has an address. Such requests are counted together.
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
