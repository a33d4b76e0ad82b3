import fp from 'fastify-plugin'
import { addressPolicy } from '../src/address-policy.ts'
import type { AgentRegistry } from '../src/agents/agent-registry.ts'
import type { BatchService } from '../src/commands/batch-service.ts'
import type { CommandQueue } from '../src/commands/command-queue.ts'
import type { Config } from '../src/config.ts'
import { createFleet, type Fleet, type FleetSettings } from '../src/fleet.ts'
import type { InteractionService } from '../src/interactions/interaction-service.ts'
import type { SessionService } from '../src/sessions/session-service.ts'
import type { TaskService } from '../src/tasks/task-service.ts'
import { HttpSender } from '../src/webhooks/http-sender.ts'
import type { WebhookService } from '../src/webhooks/webhook-service.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The whole domain. Its services are also separate decorators. */
    fleet: Fleet
    commandQueue: CommandQueue
    batches: BatchService
    interactions: InteractionService
    agents: AgentRegistry
    sessions: SessionService
    tasks: TaskService
    webhooks: WebhookService
  }
}

const settingsOf = (config: Config): FleetSettings => ({
  heartbeatMs: config.AGENT_HEARTBEAT_MS,
  ackDeadlineMs: config.ACK_DEADLINE_MS,
  leaseMs: config.LEASE_MS,
  cancelDeadlineMs: config.CANCEL_DEADLINE_MS,
  commandRetentionMs: config.COMMAND_RETENTION_MS,
  sessionRetentionMs: config.SESSION_RETENTION_MS,
  taskRetentionMs: config.TASK_RETENTION_MS,
  queueLimit: config.QUEUE_LIMIT,
  maxSessions: config.MAX_SESSIONS_PER_AGENT,
  maxOpenItems: config.MAX_OPEN_MESSAGES_PER_AGENT,
  maxOpenInteractions: config.MAX_OPEN_INTERACTIONS_PER_AGENT,
  maxUsageModels: config.MAX_USAGE_MODELS_PER_AGENT,
  maxWebhooks: config.MAX_WEBHOOKS,
  webhookConcurrency: config.WEBHOOK_CONCURRENCY,
  webhookMaxBytes: config.WEBHOOK_MAX_BYTES,
  webhookDisableAfterMs: config.WEBHOOK_DISABLE_AFTER_MS,
  limits: {
    maxFrameBytes: config.MAX_FRAME_BYTES,
    frameRate: config.AGENT_FRAME_RATE,
    frameBurst: 2 * config.AGENT_FRAME_RATE,
  },
})

export default fp<{ version: string }>(
  async (app, { version }) => {
    const { config, clock, eventLog: log, openMessages, terminals, tokens } = app
    const sender = new HttpSender({
      ...{ clock, version, timeoutMs: config.WEBHOOK_TIMEOUT_MS },
      policy: addressPolicy(config.WEBHOOK_ALLOW_PRIVATE, config.WEBHOOK_ALLOW_HTTP),
    })
    const fleet = createFleet({
      ...{ log, clock, openMessages, terminals, settings: settingsOf(config) },
      takesOver: app.cluster !== undefined,
      webhooks: {
        ...{ sender, revocations: tokens },
        onNote: note => app.log.warn(note, 'a webhook was disabled'),
      },
      onFault: error => app.log.error({ err: error }, 'a background task failed'),
      onTokenExpiring: (agentId, expiresAt) =>
        app.log.warn({ agentId, expiresAt: new Date(expiresAt).toISOString() }, 'the token of an agent expires soon'),
    })
    app.addHook('onClose', async () => sender.close())
    await app.whileActive(fleet)
    app.decorate('fleet', fleet)
    app.decorate('commandQueue', fleet.commandQueue)
    app.decorate('batches', fleet.batches)
    app.decorate('interactions', fleet.interactions)
    app.decorate('agents', fleet.agents)
    app.decorate('sessions', fleet.sessions)
    app.decorate('tasks', fleet.tasks)
    app.decorate('webhooks', fleet.webhooks)
    app.addHook('preClose', async () => fleet.commandQueue.endWaits())
  },
  {
    name: 'fleetwire-fleet',
    dependencies: ['fleetwire-event-log', 'fleetwire-jwt', 'fleetwire-open-messages', 'fleetwire-terminals'],
  },
)
