import cors, { type FastifyCorsOptions } from '@fastify/cors'
import fp from 'fastify-plugin'

/** The embedding app may register the library too. Both can share its request decorator, which is only a flag. */
const besideTheirs = fp<FastifyCorsOptions>((scope, options, done) => {
  const decorateRequest = (name: string, value: never) =>
    scope.hasRequestDecorator(name) ? scope : scope.decorateRequest(name, value)
  cors(Object.create(scope, { decorateRequest: { value: decorateRequest } }), options, done)
})

/**
 * Admits browsers from other origins. No cookies are used, so there are no credentials to share. Upgrades are checked
 * separately (`app.checkOrigin`) against the same list. The server's own pages need none of these headers.
 */
export default fp(
  async app => {
    await app.register(besideTheirs, {
      origin: (origin, done) => done(null, origin !== undefined && app.origins.allows(origin) && origin),
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowedHeaders: [
        ...['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID'],
        // For MCP clients in a page.
        ...['Mcp-Session-Id', 'Mcp-Protocol-Version', 'Mcp-Method', 'Mcp-Name'],
      ],
      exposedHeaders: ['Location', 'Idempotent-Replay', 'Retry-After', 'Mcp-Session-Id'],
      maxAge: 600,
      // The plugin's refusal would be plain text, the only error of this server that is not JSON.
      strictPreflight: false,
    })
  },
  { name: 'fleetwire-cors', dependencies: ['fleetwire-auth'] },
)
