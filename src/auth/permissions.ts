import { isPattern, isWildcard, type WireError, wireError } from '@fleetwire/protocol'
import { type Principal, roleScopes, type Scope } from './principal.ts'
import { userKeyOf } from './user-key.ts'

/** True when the role grants `scope` and the token does not narrow it away. */
export function may(principal: Principal, scope: Scope): boolean {
  return (
    roleScopes[principal.role].includes(scope) && (principal.scopes === undefined || principal.scopes.includes(scope))
  )
}

/** In the few forms that AgentIdPattern allows, only `*` is special. */
function matchId(pattern: string, id: string): boolean {
  if (pattern === '*' || pattern === id) return true
  if (!pattern.includes('*')) return false
  const [first = '', ...rest] = pattern.split('*')
  if (!id.startsWith(first)) return false
  let at = first.length
  for (const [i, part] of rest.entries()) {
    const found = i === rest.length - 1 ? id.length - part.length : id.indexOf(part, at)
    if (found < at || !id.startsWith(part, found)) return false
    at = found + part.length
  }
  return true
}

export function canSeeAgent(principal: Principal, agentId: string): boolean {
  return principal.agents.some(pattern => matchId(pattern, agentId))
}

/** What a token may not see does not exist for it: events of such topics are never sent to it. */
export function canSeeTopic(principal: Principal, topic: string): boolean {
  const [root, id = ''] = topic.split('.')
  switch (root) {
    case 'agents':
      return canSeeAgent(principal, id)
    case 'tasks':
      return true
    case 'users':
      return id === userKeyOf(principal.sub)
    case 'system':
      return may(principal, 'admin')
    default:
      return false
  }
}

/** Equal for those who see the same topics; without `users`, of all but those of users. */
export function sightOf(principal: Principal, users: boolean): string {
  return JSON.stringify([[...principal.agents].sort(), may(principal, 'admin'), users ? principal.sub : ''])
}

/** Why a pattern may not be subscribed to. A wildcard is allowed: it stands for what the principal can see. */
export function patternRefusal(principal: Principal, pattern: string): WireError | undefined {
  if (!isPattern(pattern)) {
    return wireError(
      'invalid_frame',
      `"${pattern.slice(0, 80)}" is no topic pattern: tokens of letters, digits, _ and -, joined by dots; * for one, > last for the rest.`,
      { topic: pattern },
    )
  }
  const [root = '', id] = pattern.split('.')
  const concrete = id === undefined || isWildcard(id) ? root : `${root}.${id}`
  const forbidden =
    root === 'system'
      ? !may(principal, 'admin')
      : (root === 'agents' || root === 'users') && concrete !== root && !canSeeTopic(principal, concrete)
  return forbidden ? wireError('forbidden', `This token may not read "${pattern}".`, { topic: pattern }) : undefined
}
