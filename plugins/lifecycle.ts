import { setMaxListeners } from 'node:events'
import fp from 'fastify-plugin'
import type { Clock } from '../src/clock.ts'
import type { Config } from '../src/config.ts'

declare module 'fastify' {
  interface FastifyInstance {
    // These two exist before any plugin. Their types are here and not in src/app.ts, whose types reach apps that embed
    // Fleetwire and have a `config` of their own.
    config: Config
    clock: Clock
    /** `draining` once the server was asked to close: it accepts no new work and finishes what it has. */
    lifecycle: Lifecycle
  }
}

interface Lifecycle {
  phase: 'serving' | 'draining'
  /** Aborted when draining starts: waiting requests should respond with what they have. */
  readonly draining: AbortSignal
}

/** Registered first, so that its hook runs before the hooks that take time to drain. */
export default fp(
  async app => {
    const controller = new AbortController()
    // Each waiting request adds a listener.
    setMaxListeners(0, controller.signal)
    const lifecycle: Lifecycle = { phase: 'serving', draining: controller.signal }
    app.decorate('lifecycle', lifecycle)
    app.addHook('preClose', async () => {
      lifecycle.phase = 'draining'
      controller.abort()
    })
  },
  { name: 'fleetwire-lifecycle' },
)
