import type { Command } from '@fleetwire/protocol'
import type { FastifyRequest } from 'fastify'
import { canSeeAgent, may, seesFleet } from '../src/auth/permissions.ts'
import type { Principal } from '../src/auth/principal.ts'
import type { Actor, Caller } from '../src/caller.ts'

/** Whose frame on `/ws` it is, as the node knows them that has the socket. */
export interface Sender {
  principal: Principal
  address: string
}

/** The caller of a service, with the name that the audit trail needs. */
type NamedCaller = Caller & { actor: Actor }

/** The caller of a request. */
export function callerOf(request: FastifyRequest): NamedCaller {
  return callerAs(request.principal, 'rest', request.server.addressOf(request))
}

/** The caller of a frame on `/ws`, on whichever node its socket is. */
export function callerFrom({ principal, address }: Sender): NamedCaller {
  return callerAs(principal, 'ws', address)
}

const callerAs = (principal: Principal, via: Actor['via'], address: string): NamedCaller => ({
  canSee: agentId => canSeeAgent(principal, agentId),
  seesFleet: seesFleet(principal),
  actor: { by: principal.sub, via, address },
})

/** A command as the answer to a submission. The result of an earlier command is shown only to callers who may read. */
export function asAnswer(principal: Principal, command: Command): Command {
  if (may(principal, 'read')) return command
  const { output: _output, error: _error, lateResult: _late, ...rest } = command
  return rest
}

/** The tasks that a token may see, for lists. */
export const sightOfTasks = (principal: Principal) => !seesFleet(principal) && { agentLike: principal.agents }
