import helmet from '@fastify/helmet'
import type { FastifyPluginAsync } from 'fastify'
import { homePage } from '../src/reference/home-page.ts'
import { ownPageHeaders } from '../src/reference/page-style.ts'

export interface HomeOptions {
  version: string
}

/** The page for people who open the address that the server prints at its start. */
const home: FastifyPluginAsync<HomeOptions> = async (app, { version }) => {
  await app.register(helmet, ownPageHeaders)
  app.get('/', { schema: { hide: true }, logLevel: 'warn' }, async (request, reply) => {
    const [path = ''] = request.url.split('?', 1)
    const { prefix } = app.reachedAt(request)
    // Relative links work behind an unknown proxy prefix, but not from a path without its final slash.
    const base = prefix === '' && path.endsWith('/') ? '' : `${prefix}${app.prefix}/`
    return reply.type('text/html; charset=utf-8').send(homePage({ version, base }))
  })
}
export default home
