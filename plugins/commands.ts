import type { WireError } from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import type { AgentConnection } from '../src/agents/agent-connection.ts'
import { AgentRegistry } from '../src/agents/agent-registry.ts'
import { AgentSession } from '../src/agents/agent-session.ts'
import { removeAgent } from '../src/agents/remove-agent.ts'
import type { Actor } from '../src/caller.ts'
import { BatchGate } from '../src/commands/batch-gate.ts'
import { BatchService } from '../src/commands/batch-service.ts'
import { CommandLedger } from '../src/commands/command-ledger.ts'
import { CommandService } from '../src/commands/command-service.ts'
import type { CommandQueue } from '../src/commands/command-types.ts'
import { Dispatcher } from '../src/commands/dispatcher.ts'
import { InteractionEffects } from '../src/interactions/interaction-effects.ts'
import { InteractionLedger } from '../src/interactions/interaction-ledger.ts'
import { InteractionService } from '../src/interactions/interaction-service.ts'
import { auditDrafts } from '../src/log/audit.ts'

declare module 'fastify' {
  interface FastifyInstance {
    commandQueue: CommandQueue
    batches: BatchService
    interactions: InteractionService
    agents: AgentRegistry
    /** Forgets an agent that is not connected; resolves with the reason where that is not possible. */
    removeAgent(agentId: string, actor?: Actor): Promise<WireError | undefined>
    /** The server's side of one agent connection; the route feeds it frames. */
    agentSession(agentId: string, connection: AgentConnection): AgentSession
  }
}

/** Commands and agents, built together: commands move when agents come, and agents show what their commands do. */
export default fp(
  async app => {
    const { config, clock, eventLog: log, sessions, tasks, terminals } = app
    const onFault = (error: unknown) => app.log.error({ err: error }, 'fault in the background')
    const ledger = new CommandLedger({ log, clock, retentionMs: config.COMMAND_RETENTION_MS })
    const agents = new AgentRegistry({
      ...{ log, commands: ledger, clock, heartbeatMs: config.AGENT_HEARTBEAT_MS, onFault },
      heardOf: commandId => dispatcher.heardAt(commandId),
      openInteractions: agentId => asked.openOf(agentId),
      onTokenExpiring: (agentId, expiresAt) =>
        app.log.warn({ agentId, expiresAt: new Date(expiresAt).toISOString() }, 'the token of an agent expires soon'),
    })
    const gate = new BatchGate()
    const dispatcher: Dispatcher = new Dispatcher({
      ledger,
      gate,
      agents,
      clock,
      ackDeadlineMs: config.ACK_DEADLINE_MS,
      leaseMs: config.LEASE_MS,
      cancelDeadlineMs: config.CANCEL_DEADLINE_MS,
      onFault,
    })
    const queue = new CommandService({ log, ledger, agents, tasks, clock, queueLimit: config.QUEUE_LIMIT })
    const retentionMs = config.COMMAND_RETENTION_MS
    const batches = new BatchService({ log, ledger, queue, gate, agents, tasks, clock, retentionMs, onFault })
    gate.listen({
      onFree: agentId => dispatcher.wake(agentId),
      onFailures: parentId => batches.tooManyFailed(parentId),
    })
    const asked = new InteractionLedger({
      ...{ log, clock, retentionMs },
      commandOf: commandId => ledger.get(commandId),
    })
    const answers = new InteractionEffects({ log, ledger: asked, commands: ledger, agents, clock, onFault })
    asked.onChange(({ agentId }) => agents.refresh(agentId))
    const maxOpen = config.MAX_OPEN_INTERACTIONS_PER_AGENT
    const interactions = new InteractionService({ log, ledger: asked, commands: ledger, maxOpen })
    await ledger.start()
    await asked.start()
    await batches.start()
    // Before the agents: what it must store before anybody is let in does not wait behind a record of each of them.
    await dispatcher.start()
    await agents.start()
    await answers.start()

    const limits = {
      maxFrameBytes: config.MAX_FRAME_BYTES,
      frameRate: config.AGENT_FRAME_RATE,
      frameBurst: 2 * config.AGENT_FRAME_RATE,
    }
    const services = {
      log,
      ledger,
      dispatcher,
      agents,
      sessions,
      tasks,
      interactions,
      answers,
      terminals,
      clock,
      heartbeatMs: config.AGENT_HEARTBEAT_MS,
      maxUsageModels: config.MAX_USAGE_MODELS_PER_AGENT,
      limits,
      onFault,
    }
    app.decorate('commandQueue', queue)
    app.decorate('batches', batches)
    app.decorate('interactions', interactions)
    app.decorate('agents', agents)
    app.decorate('removeAgent', (agentId: string, actor?: Actor) =>
      removeAgent(agentId, agents, ledger, sessions, auditDrafts(actor, 'agent:remove', agentId, clock.now())),
    )
    app.decorate(
      'agentSession',
      (agentId: string, connection: AgentConnection) => new AgentSession(agentId, connection, services),
    )
    app.addHook('preClose', async () => queue.stop())
    app.addHook('onClose', async () => {
      answers.stop()
      asked.stop()
      dispatcher.stop()
      agents.stop()
      ledger.stop()
    })
  },
  {
    name: 'fleetwire-commands',
    dependencies: ['fleetwire-event-log', 'fleetwire-sessions', 'fleetwire-tasks', 'fleetwire-terminals'],
  },
)
