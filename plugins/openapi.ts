import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'

export interface OpenapiOptions {
  version: string
}

/** The API document at `/openapi.json`, derived from the routes' schemas, and a page to read it at `/docs`. */
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
        tags: [
          { name: 'tokens', description: 'Mint, list and revoke tokens (admin)' },
          { name: 'server', description: 'Health of this process; public' },
        ],
        components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
        security: [{ bearer: [] }],
      },
      refResolver: { buildLocalReference: ({ $id }, _base, _fragment, i) => String($id ?? `schema-${i}`) },
    })
    await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true, indexPrefix: app.prefix })
    app.get('/openapi.json', { schema: { hide: true }, logLevel: 'warn' }, () => app.swagger())
  },
  { name: 'fleetwire-openapi', dependencies: ['fleetwire-schemas'] },
)
