import { type LastEnded, useLastEnded } from '@fleetwire/react'
import { useMemo } from 'react'
import { usePreferences } from '../app/preferences.ts'
import { endedBadly } from './agent-status.ts'

const none: readonly LastEnded[] = []

/** The last commands of agents that did not succeed and that nobody has looked at here; the newest first. */
export function useUnseenFailures(): readonly LastEnded[] {
  const ended = useLastEnded()
  const seen = usePreferences(state => state.seen)
  const all = ended.status === 'ready' ? ended.data : none
  return useMemo(() => {
    const failures = all.filter(({ agentId, last }) => endedBadly(last.status) && last.endedAt > (seen[agentId] ?? 0))
    return failures.length === 0 ? none : failures
  }, [all, seen])
}
