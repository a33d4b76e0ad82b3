import fp from 'fastify-plugin'
import type { AgentInput, AgentSocket } from '../src/agents/agent-connection.ts'
import { AgentLinks } from '../src/cluster/agents/agent-links.ts'
import { AgentRelay } from '../src/cluster/agents/agent-relay.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Opens the server's end of an agent's connection: its session or, in a cluster, the relay to its session. */
    openAgent(agentId: string, connection: AgentSocket): AgentInput
  }
}

export default fp(
  async app => {
    const { cluster, clock, fleet } = app
    if (cluster === undefined) {
      app.decorate('openAgent', fleet.agentSession)
      return
    }
    const session = fleet.agentSession
    // After the fleet, so that the fleet is active before agents arrive.
    await app.whileActive(new AgentLinks({ bus: cluster.bus, outputBus: cluster.terminalBus, session, clock }))
    const relay = new AgentRelay({ cluster, clock, session, random: Math.random })
    relay.start()
    app.decorate('openAgent', (agentId: string, connection: AgentSocket) => relay.open(agentId, connection))
    app.addHook('onClose', async () => relay.stop())
  },
  { name: 'fleetwire-agent-relay', dependencies: ['fleetwire-cluster', 'fleetwire-fleet'] },
)
