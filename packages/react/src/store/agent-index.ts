import type { Agent } from '@fleetwire/protocol'
import { type AgentStatus, agentStatus, agentStatuses } from './agent-status.ts'
import type { IndexRules } from './index-view.ts'

/** An agent matches if it meets every condition given. */
export interface AgentFilter {
  status?: AgentStatus | readonly AgentStatus[]
  work?: Agent['work'] | readonly Agent['work'][]
  link?: Agent['link'] | readonly Agent['link'][]
  kind?: string
  labels?: Readonly<Record<string, string>>
  ids?: readonly string[]
  /** Part of the id, the name or a label; case-insensitive. */
  text?: string
}

export interface AgentSort {
  by: 'status' | 'name' | 'agentId' | 'kind' | 'lastSeenAt' | 'connectedAt'
  direction?: 'asc' | 'desc'
}

export interface AgentQuery {
  where?: AgentFilter
  /** Default: by status, most urgent first, then by name. */
  sort?: AgentSort
  /** `status`, `kind` or the name of a label. */
  groupBy?: string
  /** Agents with a failure that nobody has looked at yet: their status is `error`. */
  unseenFailures?: readonly string[]
}

export interface AgentGroup {
  /** The value that the group's agents share; '' for agents without the label. */
  readonly key: string
  readonly ids: readonly string[]
}

/** What the index reads from one agent: while it stays equal, the index is not recomputed. */
export interface AgentPlace {
  readonly id: string
  readonly sort: string | number
  readonly name: string
  readonly group: string
}

const isSamePlace = (a: AgentPlace | undefined, b: AgentPlace | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.sort === b.sort && a.name === b.name && a.group === b.group)

export interface Order {
  readonly ids: readonly string[]
  readonly groups: readonly AgentGroup[]
}

const sameIds = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((id, i) => id === b[i])

const isSameOrder = (a: Order, b: Order): boolean =>
  sameIds(a.ids, b.ids) &&
  a.groups.length === b.groups.length &&
  a.groups.every(({ key, ids }, i) => key === b.groups[i]!.key && sameIds(ids, b.groups[i]!.ids))

/** The order of the matching agents. */
export function agentRules(query: AgentQuery): IndexRules<Agent, AgentPlace, Order> {
  const { where, sort, groupBy } = query
  const unseen = new Set(query.unseenFailures)
  const ids = where?.ids && new Set(where.ids)
  return {
    place(agent) {
      const status = agentStatus(agent, { hasUnseenFailure: unseen.has(agent.agentId) })
      if (where !== undefined && !matches(agent, status, where)) return undefined
      if (ids !== undefined && !ids.has(agent.agentId)) return undefined
      return {
        id: agent.agentId,
        sort: sortKey(agent, status, sort),
        name: agent.name.toLowerCase(),
        group: groupBy === undefined ? '' : groupKey(agent, status, groupBy),
      }
    },
    isSame: isSamePlace,
    result: places => orderOf(places.values(), query),
    equal: isSameOrder,
  }
}

function orderOf(places: Iterable<AgentPlace>, { sort, groupBy }: AgentQuery): Order {
  const sign = sort?.direction === 'desc' ? -1 : 1
  const sorted = [...places].sort(
    (a, b) => sign * compare(a.sort, b.sort) || compare(a.name, b.name) || compare(a.id, b.id),
  )
  if (groupBy === undefined) return { ids: sorted.map(({ id }) => id), groups: [] }
  const byKey = new Map<string, string[]>()
  for (const { id, group } of sorted) {
    const ids = byKey.get(group)
    if (ids === undefined) byKey.set(group, [id])
    else ids.push(id)
  }
  const keys = [...byKey.keys()].sort(groupBy === 'status' ? byUrgency : compareGroups)
  const groups = keys.map(key => ({ key, ids: byKey.get(key)! }))
  return { ids: groups.flatMap(({ ids }) => ids), groups }
}

function matches(agent: Agent, status: AgentStatus, where: AgentFilter): boolean {
  return (
    isOneOf(status, where.status) &&
    isOneOf(agent.work, where.work) &&
    isOneOf(agent.link, where.link) &&
    isOneOf(agent.kind, where.kind) &&
    Object.entries(where.labels ?? {}).every(([name, value]) => labelOf(agent, name) === value) &&
    hasText(agent, where.text)
  )
}

const isOneOf = <T extends string>(value: T, wanted: T | readonly T[] | undefined): boolean =>
  wanted === undefined || (typeof wanted === 'string' ? wanted === value : wanted.includes(value))

function hasText({ agentId, name, labels }: Agent, text: string | undefined): boolean {
  const wanted = text?.trim().toLowerCase()
  if (wanted === undefined || wanted === '') return true
  const has = (value: string) => value.toLowerCase().includes(wanted)
  return has(agentId) || has(name) || Object.entries(labels).some(([key, value]) => has(`${key}=${value}`))
}

const rank = (status: string): number => (agentStatuses as readonly string[]).indexOf(status)
const byUrgency = (a: string, b: string): number => rank(a) - rank(b)
/** Agents without the label come last. */
const compareGroups = (a: string, b: string): number => Number(a === '') - Number(b === '') || compare(a, b)

function sortKey(agent: Agent, status: AgentStatus, sort: AgentSort | undefined): string | number {
  const by = sort?.by ?? 'status'
  if (by === 'status') return rank(status)
  return by === 'name' ? agent.name.toLowerCase() : agent[by]
}

function groupKey(agent: Agent, status: AgentStatus, groupBy: string): string {
  if (groupBy === 'status') return status
  return groupBy === 'kind' ? agent.kind : (labelOf(agent, groupBy) ?? '')
}

/** Labels may be named like an `Object.prototype` property. */
const labelOf = ({ labels }: Agent, name: string): string | undefined =>
  Object.hasOwn(labels, name) ? labels[name] : undefined

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return a < b ? -1 : a > b ? 1 : 0
}
