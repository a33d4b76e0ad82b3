import { type MintTokenBody, type WireError, wireError } from '@fleetwire/protocol'
import { canSeeAgent, covers, may, seesFleet } from './permissions.ts'
import { type Principal, roleScopes, type Scope } from './principal.ts'

/**
 * Why `principal` may not mint this token; undefined if it may. Nobody can grant more than they hold: agents, scopes or
 * a name. A name is a right too, since a user's inbox is read by `sub`.
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
  if (covers(principal, { sub, role, agents, scopes })) return undefined
  const outside = (role === 'agent' ? [sub] : agents).find(pattern => !canSeeAgent(principal, pattern))
  if (outside !== undefined) return wireError('forbidden', `This token has no access to the agents "${outside}".`)
  if (sub !== principal.sub && !seesFleet(principal)) {
    return wireError(
      'forbidden',
      `This token is limited to some agents, so it can mint only for "${principal.sub}" and for agents.`,
    )
  }
  const more = (scopes ?? granted).find(scope => !may(principal, scope as Scope))
  return wireError('forbidden', `This token does not have the scope "${more}".`)
}
