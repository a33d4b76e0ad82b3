import { useFleetCounts, useInteractionIds } from '@fleetwire/react'
import { Activity, Bell, ListChecks, type LucideIcon, SquareTerminal, Workflow } from 'lucide-react'

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

/** How many agents there are, and how many requests are open; undefined until it is known. */
export function usePlaceCounts(): Partial<Record<Place['to'], number>> {
  const counts = useFleetCounts()
  const open = useInteractionIds()
  return {
    ...(counts.status === 'ready' && { '/': counts.data.total }),
    ...(open.status === 'ready' && { '/needs-you': open.data.length }),
  }
}
