import { useFleetCounts } from '@fleetwire/react'
import { Activity, Bell, ListChecks, type LucideIcon, SquareTerminal, Workflow } from 'lucide-react'
import { useAttention } from '../screens/needs-you/use-attention.ts'

export interface Place {
  to: '/' | '/needs-you' | '/tasks' | '/commands' | '/system'
  label: string
  icon: LucideIcon
  /** The key after G. */
  key: string
}

export const places: readonly Place[] = [
  { to: '/', label: 'Fleet', icon: Workflow, key: 'f' },
  { to: '/needs-you', label: 'Needs you', icon: Bell, key: 'n' },
  { to: '/tasks', label: 'Tasks', icon: ListChecks, key: 't' },
  { to: '/commands', label: 'Commands', icon: SquareTerminal, key: 'c' },
  { to: '/system', label: 'System', icon: Activity, key: 's' },
]

/** How many requests, failures and waiting or stalled agents need a person; undefined while loading. */
export function useAttentionCount(): number | undefined {
  const attention = useAttention()
  if (attention.status !== 'ready') return undefined
  return attention.items.reduce((sum, item) => sum + (item.kind === 'request' ? item.requests.length : 1), 0)
}

/** The numbers beside the places, without those that are still loading. */
export function usePlaceCounts(): Partial<Record<Place['to'], number>> {
  const counts = useFleetCounts()
  const attention = useAttentionCount()
  return {
    ...(counts.status === 'ready' && { '/': counts.data.total }),
    ...(attention !== undefined && { '/needs-you': attention }),
  }
}
