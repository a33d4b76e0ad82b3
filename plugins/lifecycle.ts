import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** `draining` from the moment the server was told to close: it takes no new work, and still finishes what it has. */
    lifecycle: { phase: 'serving' | 'draining' }
  }
}

/** Registered first, so that its hook runs before those that take their time to drain. */
export default fp(
  async app => {
    const lifecycle: { phase: 'serving' | 'draining' } = { phase: 'serving' }
    app.decorate('lifecycle', lifecycle)
    app.addHook('preClose', async () => {
      lifecycle.phase = 'draining'
    })
  },
  { name: 'fleetwire-lifecycle' },
)
