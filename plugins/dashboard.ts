import helmet from '@fastify/helmet'
import serveFiles from '@fastify/static'
import type { FastifyError, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { basePath } from '../src/dashboard/base-path.ts'
import { builtDashboard, type DashboardPage, readDashboard } from '../src/dashboard/dashboard-build.ts'
import { isFresh } from '../src/dashboard/is-fresh.ts'
import { pageHeaders } from '../src/reference/page-headers.ts'
import { ownPageHeaders } from '../src/reference/page-style.ts'
import { unbuiltPage } from '../src/reference/unbuilt-page.ts'

export interface DashboardOptions {
  version: string
  /** The folder of the built pages. Default: where `npm run build` puts them. */
  folder?: string | undefined
}

/** Each path serves the same document, which picks its screen by the path. No other route's path may be among these. */
export const PAGES = [
  ...['/', '/needs-you', '/agents', '/agents/*', '/tasks', '/tasks/*', '/commands', '/commands/*'],
  ...['/system', '/system/*', '/login'],
]

const { contentSecurityPolicy, ...others } = pageHeaders({
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  fontSrc: ["'self'"],
  connectSrc: ["'self'"],
  requireTrustedTypesFor: ["'script'"],
})
const dashboardHeaders = {
  ...others,
  contentSecurityPolicy: {
    ...contentSecurityPolicy,
    // The only URL that the page sets for itself is its base.
    directives: { ...contentSecurityPolicy.directives, baseUri: ["'self'"] },
  },
  // Browsers ignore both over plain HTTP, and warn about it in the console of each page.
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
}

/** Serves the dashboard pages and their assets; without a build, a page that explains how to make one. */
export default fp<DashboardOptions>(
  async (app, { version, folder = builtDashboard() }) => {
    if (!app.config.DASHBOARD) return
    const build = await readDashboard(folder)

    const pages: FastifyPluginAsync = async pages => {
      // A page loads many files at once, and each costs no more than a read from disk.
      pages.addHook('onRoute', route => {
        route.config = { ...route.config, rateLimit: false }
      })
      // @fastify/static answers 403 for folders and odd spellings of names; here such files do not exist.
      pages.setErrorHandler<FastifyError>((error, _request, reply) => {
        if (error.statusCode !== 403) throw error
        reply.callNotFound()
      })
      const about = { schema: { hide: true }, logLevel: 'warn' } as const
      const baseOf = (request: FastifyRequest): string => {
        const [path = ''] = request.url.split('?', 1)
        return basePath({ path, appPrefix: app.prefix, proxyPrefix: app.reachedAt(request).prefix })
      }

      if (build === undefined) {
        await pages.register(helmet, ownPageHeaders)
        pages.get('/', about, async (request, reply) =>
          reply.type('text/html; charset=utf-8').send(unbuiltPage({ version, base: baseOf(request) })),
        )
        return
      }

      await pages.register(helmet, dashboardHeaders)
      const send = (page: DashboardPage) => (request: FastifyRequest, reply: FastifyReply) => {
        const { html, etag } = page.at(baseOf(request))
        // A new build has other assets, so a browser revalidates the page each time.
        reply.headers({ 'Cache-Control': 'no-cache', ETag: etag })
        if (isFresh(request.headers['if-none-match'], etag)) return reply.code(304).send()
        return reply.type('text/html; charset=utf-8').send(html)
      }
      for (const path of PAGES) pages.get(path, about, send(build.index))
      if (build.gallery !== undefined) pages.get('/gallery', about, send(build.gallery))
      await pages.register(serveFiles, {
        root: `${build.folder}/assets`,
        prefix: '/assets/',
        // Asset names change with their content.
        maxAge: '1y',
        immutable: true,
        index: false,
        decorateReply: false,
        preCompressed: true,
        logLevel: 'warn',
      })
    }
    await app.register(fp(pages, { name: 'fleetwire-dashboard-pages', encapsulate: true }))
  },
  { name: 'fleetwire-dashboard', dependencies: ['fleetwire-rate-limit', 'fleetwire-reached-at'] },
)
