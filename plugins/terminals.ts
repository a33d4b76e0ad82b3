import fp from 'fastify-plugin'
import { ScreenHost } from '../src/terminals/screen-host.ts'
import { TerminalHub } from '../src/terminals/terminal-hub.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** All terminals of all agents that are connected to this node. */
    terminals: TerminalHub
  }
}

export default fp(
  async app => {
    const { clock, config, eventLog } = app
    const onFault = (error: unknown) => app.log.error({ err: error }, 'a terminal could not be drawn')
    const screens = new ScreenHost({ clock, onFault })
    const terminals = new TerminalHub({ clock, screens, onFault, maxLive: config.MAX_TERMINALS_PER_AGENT })
    app.decorate('terminals', terminals)
    const unfollow = eventLog.follow(events => {
      for (const { type, payload } of events) {
        if (type === 'agent:removed') terminals.remove((payload as { agentId: string }).agentId)
      }
    })
    app.addHook('onClose', async () => {
      unfollow()
      terminals.stop()
      await screens.stop()
    })
  },
  { name: 'fleetwire-terminals', dependencies: ['fleetwire-event-log'] },
)
