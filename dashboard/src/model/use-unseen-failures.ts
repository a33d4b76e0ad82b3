import { type LastEnded, useLastEnded } from '@fleetwire/react'
import { useMemo } from 'react'
import { usePreferences } from '../app/preferences.ts'
import { endedBadly } from './agent-status.ts'

const none: readonly LastEnded[] = []

/** The last ended command of each agent; undefined while it loads. */
export function useEnded(): readonly LastEnded[] | undefined {
  const ended = useLastEnded()
  return ended.status === 'ready' ? ended.data : undefined
}

/** The last commands of agents that did not succeed and that the user has not looked at here; newest first. */
export function useUnseenFailures(): readonly LastEnded[] {
  const all = useEnded() ?? none
  const seen = usePreferences(state => state.seen)
  return useMemo(() => {
    const failures = all.filter(({ agentId, last }) => endedBadly(last.status) && last.endedAt > (seen[agentId] ?? 0))
    return failures.length === 0 ? none : failures
  }, [all, seen])
}
