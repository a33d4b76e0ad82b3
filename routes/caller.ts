import type { Command } from '@fleetwire/protocol'
import type { FastifyRequest } from 'fastify'
import { canSeeAgent, may, seesFleet } from '../src/auth/permissions.ts'
import type { Principal } from '../src/auth/principal.ts'
import type { Actor, Caller } from '../src/caller.ts'

/** The sender of a frame on `/ws`, as known to the node that has the socket. */
export interface Sender {
  principal: Principal
  address: string
}

/** The caller of a service, with the identity that the audit trail needs. */
type NamedCaller = Caller & { actor: Actor }

/** The caller of a request. */
export function callerOf(request: FastifyRequest): NamedCaller {
  return callerAs(request.principal, 'rest', request.server.addressOf(request))
}

/** The caller for a frame on `/ws`, whichever node has the socket. */
export function callerFrom({ principal, address }: Sender): NamedCaller {
  return callerAs(principal, 'ws', address)
}

const callerAs = (principal: Principal, via: Actor['via'], address: string): NamedCaller => ({
  canSee: agentId => canSeeAgent(principal, agentId),
  seesFleet: seesFleet(principal),
  actor: { by: principal.sub, via, address },
})

/** A command as the response to a submission. Only callers who may read get the result of an earlier command. */
export function asAnswer(principal: Principal, command: Command): Command {
  if (may(principal, 'read')) return command
  const { output: _output, error: _error, lateResult: _late, ...rest } = command
  return rest
}

/** Restricts a list to the tasks that a token may see. */
export const sightOfTasks = (principal: Principal) => !seesFleet(principal) && { agentLike: principal.agents }
