import { type MintTokenBody, type WireError, wireError } from '@fleetwire/protocol'
import { canSeeAgent } from './permissions.ts'
import { type Principal, roleScopes, type Scope } from './principal.ts'

/**
 * Why `principal` may not mint this token; undefined when it may. Nobody hands out more than they hold, or a narrowed
 * admin token could mint itself a wide one.
 */
export function mintRefusal(
  principal: Principal,
  { sub, role, agents = ['*'], scopes }: MintTokenBody,
): WireError | undefined {
  const granted: readonly string[] = roleScopes[role]
  const unknown = scopes?.find(scope => !granted.includes(scope))
  if (unknown !== undefined) {
    return wireError(
      'invalid_request',
      `body.scopes: the role ${role} has no scope "${unknown}"; it has: ${granted.join(', ')}.`,
      { in: 'body', path: '/scopes' },
    )
  }
  const outside = (role === 'agent' ? [sub] : agents).find(pattern => !canSeeAgent(principal, pattern))
  if (outside !== undefined) return wireError('forbidden', `This token does not reach the agents "${outside}".`)
  // An agent's scope is no part of any role that may mint; its reach was checked above.
  const held = principal.scopes
  const more = role === 'agent' ? undefined : (scopes ?? granted).find(scope => held && !held.includes(scope as Scope))
  return more === undefined ? undefined : wireError('forbidden', `This token does not hold the scope "${more}".`)
}
