import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { asyncApiDocument } from '../src/reference/asyncapi.ts'
import { pageCsp, protocolPage } from '../src/reference/page.ts'

export interface AsyncapiOptions {
  version: string
}

/** The frames of the sockets, derived from the protocol's schemas: `/asyncapi.json` for programs, `/asyncapi` for people. */
export default fp<AsyncapiOptions>(
  async (app, { version }) => {
    const reached = ({ host, protocol }: FastifyRequest) => ({
      host,
      protocol: protocol === 'https' ? ('wss' as const) : ('ws' as const),
      pathname: app.prefix,
    })
    const queryToken = app.config.ALLOW_QUERY_TOKEN
    const about = { schema: { hide: true }, logLevel: 'warn' } as const
    let page: string | undefined
    const document = (request: FastifyRequest) => asyncApiDocument({ version, server: reached(request), queryToken })

    app.get('/asyncapi.json', about, async request => document(request))
    app.get('/asyncapi', about, async (_request, reply) => {
      page ??= protocolPage({ version, queryToken })
      return reply
        .header('Content-Security-Policy', pageCsp)
        .header('X-Content-Type-Options', 'nosniff')
        .type('text/html; charset=utf-8')
        .send(page)
    })
  },
  { name: 'fleetwire-asyncapi', dependencies: ['fleetwire-rate-limit'] },
)
