import { isPattern, isWildcard, type Role, type WireError, wireError } from '@fleetwire/protocol'
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

/** True when no agent is hidden: only then are things seen that belong to the fleet as a whole. */
export const seesFleet = (principal: Principal): boolean => principal.agents.includes('*')

/** Agents, tokens and sockets of all are managed by who holds `admin` and sees every agent. */
export const managesFleet = (principal: Principal): boolean => may(principal, 'admin') && seesFleet(principal)

/** What belongs to an agent is seen by who sees that agent; what belongs to none, by everybody. */
export function canSeeOwned(principal: Principal, agentId: string | undefined): boolean {
  return agentId === undefined || canSeeAgent(principal, agentId)
}

/** What a token may not see does not exist for it. Of an event or record that belongs to an agent `canSeeEntry` knows. */
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

/** An event or a record of the log, as far as it decides who sees it. */
export interface Entry {
  topic: string
  agentId?: string | undefined
  payload: unknown
}

/** The agent that an entry belongs to where its topic does not name one: that of a task, or of what an inbox was told. */
export function agentOf({ topic, agentId, payload }: Entry): string | undefined {
  if (agentId !== undefined) return agentId
  if (!topic.startsWith('tasks.') || !topic.endsWith('.status')) return undefined
  return (payload as { agentId?: string } | null)?.agentId
}

/** The one answer to whether events and records go to somebody: live, replayed, in snapshots and in history. */
export function canSeeEntry(principal: Principal, entry: Entry): boolean {
  if (!canSeeTopic(principal, entry.topic)) return false
  return seesFleet(principal) || canSeeOwned(principal, agentOf(entry))
}

/** Equal for those who see the same entries; without `users`, of all but those of users. */
export function sightOf(principal: Principal, users: boolean): string {
  const { agents, sub } = principal
  return JSON.stringify([[...agents].sort(), may(principal, 'read'), may(principal, 'admin'), users ? sub : ''])
}

/** True when `holder` has every right of `other`: its agents, its scopes, and who it is. */
export function covers(holder: Principal, other: Rights): boolean {
  if (other.role === 'agent') return canSeeAgent(holder, other.sub)
  if (other.sub !== holder.sub && !seesFleet(holder)) return false
  const granted: readonly string[] = roleScopes[other.role]
  const held = (other.scopes ?? granted).filter(scope => granted.includes(scope))
  // In a pattern that another covers, what `*` stands for is covered too, so that it can be compared like an id.
  return held.every(scope => may(holder, scope as Scope)) && other.agents.every(pattern => canSeeAgent(holder, pattern))
}

/** True when there is no token that has more: what is not known here is left to such a one. */
export const holdsAll = (holder: Principal): boolean =>
  covers(holder, { sub: holder.sub, role: 'admin', agents: ['*'] })

/** What a token says of the rights of its holder. */
export interface Rights {
  sub: string
  role: Role
  agents: readonly string[]
  scopes?: readonly string[] | undefined
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
  if (!may(principal, 'read')) return wireError('forbidden', 'This token may not read.', { topic: pattern })
  const [root = '', id] = pattern.split('.')
  const concrete = id === undefined || isWildcard(id) ? root : `${root}.${id}`
  const forbidden =
    root === 'system'
      ? !managesFleet(principal)
      : (root === 'agents' || root === 'users') && concrete !== root && !canSeeTopic(principal, concrete)
  return forbidden ? wireError('forbidden', `This token may not read "${pattern}".`, { topic: pattern }) : undefined
}
