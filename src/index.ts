import fp from 'fastify-plugin'
import { type ControlPlaneOptions, controlPlane } from './app.ts'
import { loggedRequest } from './process-log.ts'

export type { ControlPlaneOptions } from './app.ts'
export { type AppOptions, buildApp } from './app.ts'
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
  /** Where its routes stand in the app. Default: at the root. */
  prefix?: string
}

/** What a backend works with. A host that has a decorator of one of these names is refused by Fastify at the start. */
const publicDecorators = [
  'eventLog',
  'eventBus',
  'tokens',
  'verifyToken',
  'connections',
  'broadcaster',
  'commandQueue',
  'batches',
  'agents',
  'tasks',
  'interactions',
] as const

/**
 * Puts the whole control plane into an app. Its hooks, error shape and schemas stay within its own scope; the app gets
 * its services as decorators.
 */
export const fleetwire = fp<FleetwireOptions>(
  async (app, { prefix = '', ...options }) => {
    await app.register(
      async scope => {
        // The log is the host's own, and writes down whole URLs.
        scope.setChildLoggerFactory((logger, bindings, options) =>
          logger.child(bindings, { ...options, serializers: { ...options.serializers, req: loggedRequest as never } }),
        )
        // The root of an app belongs to the app.
        await controlPlane(scope, { home: scope.prefix !== '', ...options })
        for (const name of publicDecorators) app.decorate(name, scope[name] as never)
      },
      { prefix },
    )
  },
  { name: 'fleetwire', fastify: '5.x' },
)
export default fleetwire
