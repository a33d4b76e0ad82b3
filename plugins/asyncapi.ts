import helmet from '@fastify/helmet'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ownPageHeaders } from '../src/reference/page-style.ts'

export interface AsyncapiOptions {
  version: string
}

/**
 * The frames of the sockets, derived from the protocol's schemas: `/asyncapi.json` for programs, `/asyncapi` for
 * people.
 */
export default fp<AsyncapiOptions>(
  async (app, { version }) => {
    function reached(request: FastifyRequest) {
      const { host, protocol, prefix } = app.reachedAt(request)
      return { host, protocol: protocol === 'https' ? 'wss' : 'ws', pathname: prefix + app.prefix }
    }
    const queryToken = app.config.ALLOW_QUERY_TOKEN
    const about = { schema: { hide: true }, logLevel: 'warn' } as const
    let page: string | undefined
    // Serialised once: the part that varies, the address of this server, comes at the end.
    const nowhere = { host: '', protocol: 'ws', pathname: '' } as const
    async function prepare() {
      // The document generator is loaded on first use.
      const { asyncApiDocument } = await import('../src/reference/asyncapi.ts')
      const { servers, ...document } = asyncApiDocument({ version, server: nowhere, queryToken })
      return { beginning: JSON.stringify(document).slice(0, -1), server: servers.this }
    }
    let prepared: ReturnType<typeof prepare> | undefined

    app.get('/asyncapi.json', about, async (request, reply) => {
      prepared ??= prepare()
      const { beginning, server } = await prepared
      const servers = JSON.stringify({ this: { ...server, ...reached(request) } })
      return reply.type('application/json; charset=utf-8').send(`${beginning},"servers":${servers}}`)
    })
    const pages: FastifyPluginAsync = async pages => {
      await pages.register(helmet, ownPageHeaders)
      pages.get('/asyncapi', about, async (_request, reply) => {
        const { protocolPage } = await import('../src/reference/page.ts')
        page ??= protocolPage({ version, queryToken })
        return reply.type('text/html; charset=utf-8').send(page)
      })
    }
    await app.register(fp(pages, { name: 'fleetwire-asyncapi-pages', encapsulate: true }))
  },
  { name: 'fleetwire-asyncapi', dependencies: ['fleetwire-rate-limit', 'fleetwire-reached-at'] },
)
