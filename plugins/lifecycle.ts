import fp from 'fastify-plugin'
import type { Clock } from '../src/clock.ts'
import type { Config } from '../src/config.ts'

declare module 'fastify' {
  interface FastifyInstance {
    // These two are there before any plugin. They are typed here and not in src/app.ts, whose types reach whoever embeds
    // Fleetwire: a host has a `config` of its own.
    config: Config
    clock: Clock
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
