import cors, { type FastifyCorsOptions } from '@fastify/cors'
import fp from 'fastify-plugin'

/** The app around this one may have the library too. Its decorator of requests, which is a flag, then does for both. */
const besideTheirs = fp<FastifyCorsOptions>((scope, options, done) => {
  const decorateRequest = (name: string, value: never) =>
    scope.hasRequestDecorator(name) ? scope : scope.decorateRequest(name, value)
  cors(Object.create(scope, { decorateRequest: { value: decorateRequest } }), options, done)
})

/**
 * Lets browsers of other origins in. No cookies are used, so there are no credentials to share. Upgrades are checked
 * separately (`app.checkOrigin`) by the same list. The server's own pages need none of these headers.
 */
export default fp(
  async app => {
    await app.register(besideTheirs, {
      origin: (origin, done) => done(null, origin !== undefined && app.origins.allows(origin) && origin),
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowedHeaders: [
        ...['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID'],
        // Of MCP clients in a page.
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
