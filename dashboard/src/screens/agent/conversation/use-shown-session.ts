import { useSessionIds, useSessionPage } from '@fleetwire/react'
import { useRef } from 'react'

/** A conversation that the next prompt begins. */
export const NEW_SESSION = 'new'

export interface ShownSession {
  /** All that are loaded, newest first; undefined while they load. */
  ids: readonly string[] | undefined
  shown: string | undefined
  /** The shown one goes on: prompts may continue it. */
  isActive: boolean
}

/** The conversation that is asked for, else the active one: it stays while it is active, whatever begins meanwhile. */
export function useShownSession(agentId: string, wanted: string | undefined): ShownSession {
  const page = useSessionPage({ agentId })
  const active = useSessionIds({ agentId, status: 'active' })
  const kept = useRef<string>(undefined)
  const ids = page.ids.status === 'ready' ? page.ids.data : undefined
  const activeIds = active.status === 'ready' ? active.data : []
  const isKept = kept.current !== undefined && activeIds.includes(kept.current)
  const usual = isKept ? kept.current : (activeIds[0] ?? ids?.[0])
  kept.current = usual
  const shown = wanted ?? usual
  return {
    ids: page.isLoading && ids?.length === 0 ? undefined : ids,
    shown,
    isActive: shown !== undefined && activeIds.includes(shown),
  }
}
