import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** `draining` once the server was told to close: it accepts no new work and finishes what it has. */
    lifecycle: { phase: 'serving' | 'draining' }
  }
}

/** Registered first, so that its hook runs before those that take time to drain. */
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
