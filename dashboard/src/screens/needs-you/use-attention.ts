import type { WireError } from '@fleetwire/protocol'
import { useAgents, useInteractions } from '@fleetwire/react'
import { useMemo } from 'react'
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
  const stalled = useAgents({ where: { status: 'stalled' } })
  return useMemo(() => {
    if (requests.status !== 'ready') return requests
    const items = attentionQueue(requests.data, failures, stalled.status === 'ready' ? stalled.data : [])
    return { status: 'ready', items, stale: requests.stale }
  }, [requests, failures, stalled])
}
