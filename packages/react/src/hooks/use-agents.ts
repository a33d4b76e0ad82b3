import type { Agent, AgentSummary } from '@fleetwire/protocol'
import { useCallback, useMemo, useRef, useState } from 'react'
import { useStore } from '../provider.tsx'
import { type AgentGroup, type AgentQuery, agentRules, type Order } from '../store/agent-index.ts'
import { needsYou } from '../store/agent-status.ts'
import type { FleetStore } from '../store/fleet-store.ts'
import { frozenOrder } from '../store/frozen-order.ts'
import { indexSource } from '../store/index-source.ts'
import type { Live } from '../store/live.ts'
import { patterns } from '../store/record-kind.ts'
import { recordSource } from '../store/record-lookup.ts'
import { liveSource } from '../store/sources.ts'
import { useSource } from './use-live.ts'
import { useRecord } from './use-records.ts'

export interface AgentIndex {
  readonly ids: readonly string[]
  /** Empty without `groupBy`. */
  readonly groups: readonly AgentGroup[]
  /** While frozen: how many ids would be added, removed or moved. */
  readonly moves: number
  /** Adopts the current order, frozen or not. */
  apply(): void
}

export interface AgentIndexQuery extends AgentQuery {
  /** Freezes the shown order, for example while the user is pointing at it. */
  freeze?: boolean
}

const agentSource = (store: FleetStore, id: string) => recordSource(store, 'agent', patterns.agents, id)
const summarySource = (store: FleetStore, id: string) => recordSource(store, 'summary', patterns.summaries, id)

/** One agent; undefined if there is none with this id. With `select`, renders only when the selected part changes. */
export function useAgent<S = Agent>(
  id: string | 'skip',
  select?: (agent: Agent) => S,
  equal?: (a: S, b: S) => boolean,
): Live<S | undefined> {
  return useRecord(id, agentSource, select, equal)
}

/** An agent's summary for a card: its current and last command, last line, queue and cost. */
export function useAgentSummary<S = AgentSummary>(
  id: string | 'skip',
  select?: (summary: AgentSummary) => S,
  equal?: (a: S, b: S) => boolean,
): Live<S | undefined> {
  return useRecord(id, summarySource, select, equal)
}

function useOrder(query: AgentQuery): Live<Order> {
  const store = useStore()
  const key = JSON.stringify(query)
  const source = useMemo(() => {
    const rules = agentRules(JSON.parse(key) as AgentQuery)
    return indexSource(store, 'agent', patterns.agents, rules)
  }, [store, key])
  return useSource(source)
}

/** The ids of the matching agents, in order. Renders when the order changes, not when an agent does. */
export function useAgentIds({ freeze = false, ...query }: AgentIndexQuery = {}): Live<AgentIndex> {
  const store = useStore()
  const live = useOrder(query)
  // A failure moves an agent like any other change, so it must not reset a frozen order.
  const { unseenFailures: _, ...asked } = query
  const key = JSON.stringify(asked)
  const frozen = useRef<{ key: string; order: Order }>(undefined)
  const [, applied] = useState(0)
  const apply = useCallback(() => {
    frozen.current = undefined
    applied(count => count + 1)
  }, [])
  const shown = freeze && frozen.current?.key === key ? frozen.current.order : undefined
  const index = useMemo((): Live<AgentIndex> => {
    if (live.status !== 'ready') return live
    const records = store.peek('agent', patterns.agents)?.records
    const { order, moves } =
      shown === undefined
        ? { order: live.data, moves: 0 }
        : frozenOrder(shown, live.data, id => records?.has(id) ?? true)
    return { ...live, data: { ...order, moves, apply } }
  }, [live, shown, store, apply])
  if (index.status === 'ready' && (shown === undefined || index.data.ids !== shown.ids)) {
    frozen.current = { key, order: { ids: index.data.ids, groups: index.data.groups } }
  }
  return index
}

/** The matching agents, in order. Renders on every change of any of them: for rows, use `useAgentIds`. */
export function useAgents(query: AgentQuery = {}): Live<readonly Agent[]> {
  const store = useStore()
  const order = useOrder(query)
  const ids = order.status === 'ready' ? order.data.ids : undefined
  const source = useMemo(() => {
    let last: readonly Agent[] = []
    return liveSource({
      peek: () => store.peek('agent', patterns.agents),
      open: () => store.records('agent', patterns.agents),
      read: feed => {
        const agents = (ids ?? []).map(id => feed.get(id)).filter(agent => agent !== undefined)
        if (agents.length !== last.length || agents.some((agent, i) => agent !== last[i])) last = agents
        return last
      },
    })
  }, [store, ids])
  return useSource(source)
}

/** The values by which agents can be filtered: those of each label, and the command kinds. */
export interface AgentFacets {
  readonly labels: ReadonlyMap<string, readonly string[]>
  readonly kinds: readonly string[]
}

function facetsOf(agents: Iterable<Pick<Agent, 'labels' | 'capabilities'>>): AgentFacets {
  const labels = new Map<string, Set<string>>()
  const kinds = new Set<string>()
  for (const agent of agents) {
    for (const kind of agent.capabilities.kinds ?? []) kinds.add(kind)
    for (const [name, value] of Object.entries(agent.labels)) {
      labels.set(name, (labels.get(name) ?? new Set()).add(value))
    }
  }
  const names = [...labels.keys()].sort()
  return { labels: new Map(names.map(name => [name, [...labels.get(name)!].sort()])), kinds: [...kinds].sort() }
}

/** The labels and command kinds of the fleet. */
export function useAgentFacets(): Live<AgentFacets> {
  const store = useStore()
  const source = useMemo(
    () =>
      indexSource<'agent', string, AgentFacets>(store, 'agent', patterns.agents, {
        // As text, to compare by value.
        place: ({ labels, capabilities: { kinds } }) => JSON.stringify({ labels, capabilities: { kinds } }),
        isSame: (a, b) => a === b,
        result: places => facetsOf([...new Set(places.values())].map(text => JSON.parse(text))),
        equal: (a, b) => JSON.stringify([[...a.labels], a.kinds]) === JSON.stringify([[...b.labels], b.kinds]),
      }),
    [store],
  )
  return useSource(source)
}

export type FleetCounts = Readonly<Record<Agent['work'] | Agent['link'] | 'needsYou' | 'total', number>>

const sameCounts = (a: FleetCounts, b: FleetCounts): boolean =>
  Object.entries(a).every(([name, count]) => b[name as keyof FleetCounts] === count)

function countsOf(places: Iterable<Pick<Agent, 'work' | 'link'> & { needsYou: boolean }>): FleetCounts {
  const counts: Record<keyof FleetCounts, number> = {
    ...{ starting: 0, idle: 0, working: 0, waiting: 0, stalled: 0, stopped: 0, error: 0 },
    ...{ online: 0, late: 0, offline: 0, needsYou: 0, total: 0 },
  }
  for (const { work, link, needsYou } of places) {
    counts[work]++
    counts[link]++
    counts.total++
    if (needsYou) counts.needsYou++
  }
  return counts
}

/** How many agents are in each work and link state, and how many need attention. */
export function useFleetCounts(): Live<FleetCounts> {
  const store = useStore()
  const source = useMemo(
    () =>
      indexSource(store, 'agent', patterns.agents, {
        place: agent => ({ work: agent.work, link: agent.link, needsYou: needsYou(agent) }),
        isSame: (a, b) => a?.work === b?.work && a?.link === b?.link && a?.needsYou === b?.needsYou,
        result: places => countsOf(places.values()),
        equal: sameCounts,
      }),
    [store],
  )
  return useSource(source)
}

export interface LastEnded {
  readonly agentId: string
  readonly last: NonNullable<AgentSummary['last']>
}

/** The last ended command of each agent, newest first. Renders when one ends. */
export function useLastEnded(): Live<readonly LastEnded[]> {
  const store = useStore()
  const source = useMemo(
    () =>
      indexSource<'summary', NonNullable<AgentSummary['last']>, readonly LastEnded[]>(
        store,
        'summary',
        patterns.summaries,
        {
          place: ({ last }) => last,
          isSame: (a, b) => a?.commandId === b?.commandId && a?.status === b?.status && a?.endedAt === b?.endedAt,
          result: places =>
            [...places]
              .map(([agentId, last]) => ({ agentId, last }))
              .sort((a, b) => b.last.endedAt - a.last.endedAt || (a.agentId < b.agentId ? -1 : 1)),
          equal: (a, b) => a.length === b.length && a.every((item, i) => item.last === b[i]!.last),
        },
      ),
    [store],
  )
  return useSource(source)
}
