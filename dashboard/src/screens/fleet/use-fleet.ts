import { type AgentIndex, type AgentSort, type Live, useAgentIds } from '@fleetwire/react'
import { useMemo } from 'react'
import { usePreferences } from '../../app/preferences.ts'
import { useUnseenFailures } from '../../model/use-unseen-failures.ts'
import { type BucketCounts, bucketCounts, bucketGroups, bucketNames, statusesOf } from './buckets.ts'
import type { ListGroup } from './list-rows.ts'

/** The ids of agents with an unseen failure, sorted: queries that contain them are compared by value. */
export function useFailedIds(): readonly string[] {
  const failures = useUnseenFailures()
  return useMemo(() => failures.map(({ agentId }) => agentId).sort(), [failures])
}

export interface FleetQuery {
  q: string | undefined
  /** A bucket, or one status. */
  status: string | undefined
  /** Only for the table. */
  sort?: AgentSort | undefined
  /** Keep the order, so that nothing moves under the pointer. */
  freeze: boolean
}

/** The agents to show, in their order and groups. */
export function useFleet({ q, status, sort, freeze }: FleetQuery): { index: Live<AgentIndex>; groups: ListGroup[] } {
  const unseenFailures = useFailedIds()
  const view = usePreferences(state => state.fleetView)
  const groupBy = usePreferences(state => state.groupBy)
  const statuses = statusesOf(status)
  const isGrouped = view === 'cards'
  const index = useAgentIds({
    where: { ...(q !== undefined && { text: q }), ...(statuses !== undefined && { status: statuses }) },
    ...(view === 'table' && sort !== undefined && { sort }),
    ...(isGrouped && { groupBy }),
    unseenFailures,
    freeze,
  })
  const data = index.status === 'ready' ? index.data : undefined
  const groups = useMemo(() => {
    if (data === undefined) return []
    if (!isGrouped) return [{ key: '', label: '', ids: data.ids }]
    if (groupBy === 'status')
      return bucketGroups(data.groups).map(group => ({ ...group, label: bucketNames[group.key] }))
    return data.groups.map(({ key, ids }) => ({ key, label: key === '' ? `No ${groupBy}` : key, ids }))
  }, [data, isGrouped, groupBy])
  return { index, groups }
}

/** How many agents of the whole fleet are in each bucket; undefined until they are loaded. */
export function useBucketCounts(): BucketCounts | undefined {
  const index = useAgentIds({ groupBy: 'status', unseenFailures: useFailedIds() })
  const groups = index.status === 'ready' ? index.data.groups : undefined
  return useMemo(() => groups && bucketCounts(groups), [groups])
}
