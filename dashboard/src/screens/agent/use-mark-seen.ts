import { serverNow, useAgentSummary } from '@fleetwire/react'
import { useEffect, useState } from 'react'
import { markSeen, usePreferences } from '../../app/preferences.ts'

/**
 * Marks the agent, and commands that end there, as seen while its page is visible. Returns when it was seen before
 * that, so that the failure that brought the user here is still shown as one.
 */
export function useMarkSeen(agentId: string): number {
  const [before] = useState(() => usePreferences.getState().seen[agentId] ?? 0)
  const endedAt = useAgentSummary(agentId, ({ last }) => last?.endedAt ?? 0)
  const last = endedAt.status === 'ready' ? (endedAt.data ?? 0) : 0
  useEffect(() => {
    // The server's clock may be ahead of this one.
    const look = () => document.hidden || markSeen(agentId, Math.max(serverNow(), last))
    look()
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [agentId, last])
  return before
}
