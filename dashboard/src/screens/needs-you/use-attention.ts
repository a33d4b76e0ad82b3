import type { WireError } from '@fleetwire/protocol'
import { useAgents, useInteractions } from '@fleetwire/react'
import { useMemo } from 'react'
import { usePreferences } from '../../app/preferences.ts'
import { useUnseenFailures } from '../../model/use-unseen-failures.ts'
import { type Attention, attentionQueue } from './attention.ts'

export type AttentionState =
  | { status: 'loading' }
  | { status: 'error'; error: WireError }
  | { status: 'ready'; items: readonly Attention[]; stale: boolean }

/** Everything that waits for a person, in the order in which to work through it. */
export function useAttention(): AttentionState {
  const requests = useInteractions()
  const failures = useUnseenFailures()
  const agents = useAgents({ where: { status: ['needs-you', 'stalled'] } })
  const dismissed = usePreferences(state => state.dismissed)
  return useMemo(() => {
    if (requests.status !== 'ready') return requests
    const items = attentionQueue(requests.data, failures, agents.status === 'ready' ? agents.data : [])
    return { status: 'ready', items: items.filter(({ key }) => !(key in dismissed)), stale: requests.stale }
  }, [requests, failures, agents, dismissed])
}
