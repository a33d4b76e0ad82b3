import fp from 'fastify-plugin'
import { type ControlPlaneOptions, controlPlane } from './app.ts'

export type { ControlPlaneOptions } from './app.ts'
export { type AppOptions, buildApp } from './app.ts'
export type { Principal, Scope } from './auth/principal.ts'
export type { Revocation } from './auth/revocations.ts'
export type { TokenService, TokenVerdict } from './auth/token-service.ts'
export type { Clock, Timer } from './clock.ts'
export type { Config } from './config.ts'
export type { AppendResult, EventDraft, EventLog, FleetEvent, LogRecord } from './log/event-log.ts'
export { serve } from './server.ts'

export interface FleetwireOptions extends ControlPlaneOptions {
  /** Where its routes stand in the app. Default: at the root. */
  prefix?: string
}

/**
 * Puts the whole control plane into an app. Its hooks, error shape and schemas stay within its own scope; the app gets
 * its services as decorators.
 */
export const fleetwire = fp<FleetwireOptions>(
  async (app, { prefix = '', ...options }) => {
    await app.register(
      async scope => {
        await controlPlane(scope, options)
        app.decorate('eventLog', scope.eventLog)
        app.decorate('tokens', scope.tokens)
        app.decorate('verifyToken', scope.verifyToken)
      },
      { prefix },
    )
  },
  { name: 'fleetwire', fastify: '5.x' },
)
export default fleetwire
