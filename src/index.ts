import fp from 'fastify-plugin'
import type { AgentRegistry } from './agents/agent-registry.ts'
import { type ControlPlaneOptions, controlPlane } from './app.ts'
import type { TokenService, TokenVerdict } from './auth/token-service.ts'
import type { Broadcaster } from './broadcast/broadcaster.ts'
import type { BatchService } from './commands/batch-service.ts'
import type { CommandQueue } from './commands/command-queue.ts'
import type { ConnectionRegistry } from './connections/connection-registry.ts'
import { FLW_ERR_EMBED_WEBSOCKET } from './errors.ts'
import type { EventBus } from './events/event-bus.ts'
import type { InteractionService } from './interactions/interaction-service.ts'
import type { EventLog } from './log/event-log.ts'
import { loggedRequest } from './process-log.ts'
import type { TaskService } from './tasks/task-service.ts'
import type { WebhookService } from './webhooks/webhook-service.ts'

export type { ControlPlaneOptions } from './app.ts'
export { type AppOptions, buildApp } from './app.ts'
export type { HostUser } from './auth/host-user.ts'
export type { Principal, Scope } from './auth/principal.ts'
export type { Revocation } from './auth/revocations.ts'
export type { TokenService, TokenVerdict } from './auth/token-service.ts'
export type { Actor, Caller } from './caller.ts'
export type { Clock, Timer } from './clock.ts'
export type { Config } from './config.ts'
export type {
  BusEvent,
  BusHandler,
  BusPublication,
  BusStats,
  CustomEvent,
  EventBus,
  HistoryPage,
  HistoryRequest,
  Progress,
  Published,
  ToolCall,
} from './events/event-bus.ts'
export type { AppendResult, EventDraft, EventLog, FleetEvent, LogRecord } from './log/event-log.ts'
export { serve } from './server.ts'

export interface FleetwireOptions extends ControlPlaneOptions {
  /** Where Fleetwire's routes are mounted in the app. Default: at the root. */
  prefix?: string
  /**
   * One decorator with all services instead of one each, for apps that use one of their names, or have two Fleetwires.
   */
  decorator?: string
}

/**
 * The services that a backend uses, as decorators of its app. If the app already has a decorator with one of these
 * names, Fastify refuses to start; use the option `decorator` then.
 */
export interface FleetwireServices {
  eventLog: EventLog
  eventBus: EventBus
  tokens: TokenService
  verifyToken(token: string): TokenVerdict | Promise<TokenVerdict>
  connections: ConnectionRegistry
  broadcaster: Broadcaster
  commandQueue: CommandQueue
  batches: BatchService
  agents: AgentRegistry
  tasks: TaskService
  interactions: InteractionService
  webhooks: WebhookService
}

declare module 'fastify' {
  // Declared here as well as in the plugins, whose types do not reach an embedding app.
  interface FastifyInstance extends FleetwireServices {}
}

const publicDecorators = Object.keys({
  eventLog: true,
  eventBus: true,
  tokens: true,
  verifyToken: true,
  connections: true,
  broadcaster: true,
  commandQueue: true,
  batches: true,
  agents: true,
  tasks: true,
  interactions: true,
  webhooks: true,
} satisfies Record<keyof FleetwireServices, true>) as (keyof FleetwireServices)[]

/**
 * Registers the whole control plane in an app. Its hooks, error shape and schemas stay within its own scope; the app
 * gets its services as decorators.
 */
export const fleetwire = fp<FleetwireOptions>(
  async (app, { prefix = '', decorator, ...options }) => {
    if (app.hasRequestDecorator('ws')) throw new FLW_ERR_EMBED_WEBSOCKET()
    await app.register(
      async scope => {
        // The log belongs to the host app, and would contain whole URLs.
        scope.setChildLoggerFactory((logger, bindings, options) =>
          logger.child(bindings, { ...options, serializers: { ...options.serializers, req: loggedRequest as never } }),
        )
        // The root of an app belongs to the app, unless the app decides otherwise.
        const config = { DASHBOARD: scope.prefix !== '', ...options.config }
        await controlPlane(scope, { ...options, config })
        const services = publicDecorators.map(name => [name, scope[name]] as const)
        if (decorator !== undefined) app.decorate(decorator, Object.fromEntries(services))
        else for (const [name, service] of services) app.decorate(name, service as never)
      },
      { prefix },
    )
  },
  { name: 'fleetwire', fastify: '5.x' },
)
export default fleetwire
