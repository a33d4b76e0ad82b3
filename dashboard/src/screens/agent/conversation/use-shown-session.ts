import { useSessionIds, useSessionPage } from '@fleetwire/react'
import { useRef } from 'react'

/** The new conversation that the next prompt begins. */
export const NEW_SESSION = 'new'

export interface ShownSession {
  /** All loaded sessions, newest first; undefined while they load. */
  ids: readonly string[] | undefined
  shown: string | undefined
  /** The shown session is active: prompts may continue it. */
  isActive: boolean
}

/** The requested conversation, otherwise the active one. It stays shown while it is active, even if others begin. */
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
