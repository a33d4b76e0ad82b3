import type { Command, WireError } from '@fleetwire/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { canSeeAgent, may, seesFleet } from '../src/auth/permissions.ts'
import type { Principal } from '../src/auth/principal.ts'
import type { Actor } from '../src/log/audit.ts'
import type { Dashboard } from './ws/dashboard.ts'

/** Who asks, as the services want to know it: what exists for them, and what the audit trail is to say. */
export interface Caller {
  canSee(agentId: string): boolean
  actor: Actor
}

/** Of a request. */
export function callerOf(request: FastifyRequest): Caller {
  const { principal } = request
  const address = request.server.addressOf(request)
  return { canSee: agentId => canSeeAgent(principal, agentId), actor: { by: principal.sub, via: 'rest', address } }
}

/** Of a frame on `/ws`. */
export function callerOn({ connection }: Dashboard): Caller {
  const { principal, address } = connection
  return { canSee: agentId => canSeeAgent(principal, agentId), actor: { by: principal.sub, via: 'ws', address } }
}

/** A command as the answer to a submission: what came of an earlier one is for who may read. */
export function asAnswer(principal: Principal, command: Command): Command {
  if (may(principal, 'read')) return command
  const { output: _output, error: _error, lateResult: _late, ...rest } = command
  return rest
}

/** What of all tasks a token sees, for lists. */
export const sightOfTasks = (principal: Principal) => !seesFleet(principal) && { agentLike: principal.agents }

/**
 * Why a request may not say that something concerns a task. Who sees the whole fleet may name tasks that are yet to come;
 * to others those and the hidden ones are the same.
 */
export function hiddenTask(request: FastifyRequest, taskId: string | undefined): Promise<WireError | undefined> {
  return hiddenFrom(request.server, request.principal, taskId)
}

export async function hiddenFrom(
  app: FastifyInstance,
  principal: Principal,
  taskId: string | undefined,
): Promise<WireError | undefined> {
  if (seesFleet(principal)) return undefined
  return app.tasks.hidden(taskId, { canSee: agentId => canSeeAgent(principal, agentId) })
}
