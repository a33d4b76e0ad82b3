import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginAsync, FastifyRequest, FastifySchema, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { pageHeaders } from '../src/reference/page-headers.ts'
import { errorResponses } from '../src/route-errors.ts'

export interface OpenapiOptions {
  version: string
}

/** All assets are loaded from this server. */
const docsHeaders = pageHeaders({
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  fontSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
})

/**
 * The schema plus every response with which the route refuses. Only the document has these responses: nothing validates
 * or serialises errors by schema, and keeping them with each route takes a quarter of the memory of an app.
 */
function documented(shown: FastifySchema, { method, config }: RouteOptions): FastifySchema {
  const { refusals = [], ...schema } = shown
  const { params, querystring, headers, body, response } = schema
  const errors = errorResponses({
    method: String(method),
    secured: schema.security?.length !== 0,
    limited: config?.rateLimit !== false,
    validated: [params, querystring, headers, body].some(part => part !== undefined),
    named: params !== undefined,
    refusals,
  })
  return { ...schema, response: { ...errors, ...(response as object) } }
}

/** The API document at `/openapi.json`, derived from the routes' schemas, and a page that shows it at `/docs`. */
export default fp<OpenapiOptions>(
  async (app, { version }) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Fleetwire',
          version,
          description: 'The realtime control plane between a fleet of AI agents and the people who run them.',
        },
        // The page shows the tags in this order.
        tags: [
          { name: 'agents', description: 'Agents, their state, and what their terminals show' },
          { name: 'commands', description: 'Submit, follow, interrupt and retry commands; batches for many agents' },
          { name: 'sessions', description: 'Conversations: messages, tool calls, state' },
          { name: 'interactions', description: 'Approvals and questions of agents, and their answers' },
          { name: 'tasks', description: 'Work that people follow, whichever agent does it' },
          { name: 'events', description: 'History and stream of the log, and events that backends publish' },
          { name: 'ag-ui', description: 'Agent runs for front ends that speak AG-UI, such as CopilotKit' },
          { name: 'connections', description: 'The open sockets (admin)' },
          { name: 'tokens', description: 'Mint, list and revoke tokens (admin)' },
          { name: 'server', description: 'Health of this process; public' },
        ],
        components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
        security: [{ bearer: [] }],
      },
      transform: ({ schema, url, route }) => ({
        schema: schema === undefined || schema.hide ? schema : documented(schema, route),
        url,
      }),
      refResolver: { buildLocalReference: ({ $id }, _base, _fragment, i) => String($id ?? `schema-${i}`) },
    })

    // Serialised once. Behind a proxy that removes a path prefix only the document's `servers` differ, and they come at
    // the end.
    let json: string | undefined
    let yaml: string | undefined
    function jsonFor(request: FastifyRequest): string {
      json ??= JSON.stringify(app.swagger())
      const { prefix } = app.reachedAt(request)
      return prefix === '' ? json : `${json.slice(0, -1)},"servers":${JSON.stringify([{ url: prefix }])}}`
    }
    function yamlFor(request: FastifyRequest): string {
      yaml ??= app.swagger({ yaml: true })
      const { prefix } = app.reachedAt(request)
      return prefix === '' ? yaml : `${yaml}servers:\n  - url: ${JSON.stringify(prefix)}\n`
    }

    const pages: FastifyPluginAsync = async pages => {
      await pages.register(helmet, docsHeaders)
      await pages.register(swaggerUi, {
        routePrefix: '/docs',
        theme: { title: 'Fleetwire REST API' },
        // Without the top bar, which offers to load any document from anywhere.
        uiConfig: { layout: 'BaseLayout' },
        // Relative, so that the page works behind any prefix.
        indexPrefix: '.',
        uiHooks: {
          onRequest(request, reply, done) {
            const { url = '' } = request.routeOptions
            if (url.endsWith('/docs/json')) reply.type('application/json; charset=utf-8').send(jsonFor(request))
            else if (url.endsWith('/docs/yaml')) reply.type('application/yaml').send(yamlFor(request))
            else done()
          },
        },
      })
    }
    await app.register(fp(pages, { name: 'fleetwire-openapi-pages', encapsulate: true }))
    app.get('/openapi.json', { schema: { hide: true }, logLevel: 'warn' }, async (request, reply) =>
      reply.type('application/json; charset=utf-8').send(jsonFor(request)),
    )
  },
  { name: 'fleetwire-openapi', dependencies: ['fleetwire-schemas', 'fleetwire-reached-at'] },
)
