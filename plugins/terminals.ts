import fp from 'fastify-plugin'
import { TerminalHub } from '../src/terminals/terminal-hub.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** All terminals of all agents on this node. */
    terminals: TerminalHub
  }
}

export default fp(
  async app => {
    const onFault = (err: unknown) => app.log.error({ err }, 'a terminal could not be drawn')
    app.decorate('terminals', new TerminalHub({ clock: app.clock, onFault }))
  },
  { name: 'fleetwire-terminals' },
)
