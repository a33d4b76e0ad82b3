import fp from 'fastify-plugin'
import { ClusterTerminals } from '../src/cluster/terminals/cluster-terminals.ts'
import { firstInputOf } from '../src/cluster/terminals/first-input.ts'
import { ScreenHost } from '../src/terminals/screen-host.ts'
import { TerminalHub } from '../src/terminals/terminal-hub.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** All terminals of all agents. A cluster node that is not active has only those that its viewers watch. */
    terminals: TerminalHub
  }
}

export default fp(
  async app => {
    const { clock, config, eventLog, cluster } = app
    const onFault = (error: unknown) => app.log.error({ err: error }, 'a terminal could not be drawn')
    // Any agent can cause this, and the operator need not act: the terminal rests, and its viewers are told.
    const onTooExpensive = (why: string) => app.log.warn({ why }, 'a terminal is too expensive to draw, and is paused')
    const screens = new ScreenHost({ clock, onFault, onTooExpensive })
    const terminals = new TerminalHub({
      ...{ clock, screens, onFault, maxLive: config.MAX_TERMINALS_PER_AGENT },
      ...(cluster && { firstInput: () => firstInputOf(cluster.term, clock) }),
    })
    app.decorate('terminals', terminals)
    const unfollow = eventLog.follow(events => {
      for (const { type, payload } of events) {
        if (type === 'agent:removed') terminals.remove((payload as { agentId: string }).agentId)
      }
    })
    const shared = cluster && new ClusterTerminals({ hub: terminals, cluster, clock })
    if (shared) {
      shared.join()
      await app.whileActive(shared)
    }
    app.addHook('onClose', async () => {
      unfollow()
      shared?.leave()
      terminals.stop()
      await screens.stop()
    })
  },
  { name: 'fleetwire-terminals', dependencies: ['fleetwire-cluster', 'fleetwire-event-log'] },
)
