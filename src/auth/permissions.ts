import { isPattern, isWildcard, type Role, type WireError, wireError } from '@fleetwire/protocol'
import { type Principal, roleScopes, type Scope } from './principal.ts'
import { userKeyOf } from './user-key.ts'

/** True if the role grants `scope` and the token does not exclude it. */
export function may(principal: Principal, scope: Scope): boolean {
  return (
    roleScopes[principal.role].includes(scope) && (principal.scopes === undefined || principal.scopes.includes(scope))
  )
}

/** Matches the forms that AgentIdPattern allows, in which only `*` is special. */
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

/** True if no agent is hidden. Only then may the principal see what belongs to the fleet as a whole. */
export const seesFleet = (principal: Principal): boolean => principal.agents.includes('*')

/** Managing everyone's agents, tokens and connections requires `admin` and sight of every agent. */
export const managesFleet = (principal: Principal): boolean => may(principal, 'admin') && seesFleet(principal)

/** What belongs to an agent is visible to those who see that agent; what belongs to no agent is visible to everyone. */
export function canSeeOwned(principal: Principal, agentId: string | undefined): boolean {
  return agentId === undefined || canSeeAgent(principal, agentId)
}

/**
 * What a token may not see does not exist for it. For events and records that belong to an agent without naming it in
 * the topic, use `canSeeEntry`.
 */
export function canSeeTopic(principal: Principal, topic: string): boolean {
  if (!may(principal, 'read')) return false
  const [root, id = ''] = topic.split('.')
  switch (root) {
    case 'agents':
      return canSeeAgent(principal, id)
    case 'tasks':
      return true
    case 'users':
      return id === userKeyOf(principal.sub)
    case 'system':
      return managesFleet(principal)
    default:
      return false
  }
}

/** The fields of an event or record that determine who sees it. */
export interface Entry {
  topic: string
  agentId?: string | undefined
  payload: unknown
}

/** The agent of an entry whose topic names none: the agent of its task, or the one that an inbox entry is about. */
export function agentOf({ topic, agentId, payload }: Entry): string | undefined {
  if (agentId !== undefined) return agentId
  if (!topic.startsWith('tasks.') || !topic.endsWith('.status')) return undefined
  return (payload as { agentId?: string } | null)?.agentId
}

/** The single decision on whether a principal gets an event or record: live, replayed, in snapshots, in history. */
export function canSeeEntry(principal: Principal, entry: Entry): boolean {
  if (!canSeeTopic(principal, entry.topic)) return false
  return seesFleet(principal) || canSeeOwned(principal, agentOf(entry))
}

/**
 * A key that is equal for principals who see the same entries. Without `users`, users' own entries are not considered.
 */
export function sightOf(principal: Principal, users: boolean): string {
  const { agents, sub } = principal
  return JSON.stringify([[...agents].sort(), may(principal, 'read'), may(principal, 'admin'), users ? sub : ''])
}

/** True if `holder` has every right of `other`: its agents, its scopes, and its identity. */
export function covers(holder: Principal, other: Rights): boolean {
  if (other.role === 'agent') return canSeeAgent(holder, other.sub)
  if (other.sub !== holder.sub && !seesFleet(holder)) return false
  const granted: readonly string[] = roleScopes[other.role]
  const held = (other.scopes ?? granted).filter(scope => granted.includes(scope))
  // A pattern that covers another also matches its text, `*` included, so a pattern can be matched like an id.
  return held.every(scope => may(holder, scope as Scope)) && other.agents.every(pattern => canSeeAgent(holder, pattern))
}

/** True if no token has more rights. Only such a holder may decide about rights that this server does not know. */
export const holdsAll = (holder: Principal): boolean =>
  covers(holder, { sub: holder.sub, role: 'admin', agents: ['*'] })

/** The rights that a token gives its holder. */
export interface Rights {
  sub: string
  role: Role
  agents: readonly string[]
  scopes?: readonly string[] | undefined
}

/** Why a pattern may not be subscribed to. Wildcards are allowed: they match only what the principal can see. */
export function patternRefusal(principal: Principal, pattern: string): WireError | undefined {
  if (!isPattern(pattern)) {
    return wireError(
      'invalid_frame',
      `"${pattern.slice(0, 80)}" is not a valid topic pattern: use tokens of letters, digits, _ and -, joined by dots; * for one, > last for the rest.`,
      { topic: pattern },
    )
  }
  if (!may(principal, 'read')) return wireError('forbidden', 'This token may not read.', { topic: pattern })
  const [root = '', id] = pattern.split('.')
  const concrete = id === undefined || isWildcard(id) ? root : `${root}.${id}`
  const forbidden =
    root === 'system'
      ? !managesFleet(principal)
      : (root === 'agents' || root === 'users') && concrete !== root && !canSeeTopic(principal, concrete)
  return forbidden ? wireError('forbidden', `This token may not read "${pattern}".`, { topic: pattern }) : undefined
}
