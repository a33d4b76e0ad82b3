import type { Batch } from '@fleetwire/protocol'
import { useMemo } from 'react'
import { useStore } from '../provider.tsx'
import { BatchView } from '../store/batch-view.ts'
import type { Live } from '../store/live.ts'
import { useSource } from './use-live.ts'

/** One command that was sent to many agents, with its progress on each of them. */
export function useBatch(parentId: string): Live<Batch> {
  const store = useStore()
  const view = useMemo(() => new BatchView(store, parentId), [store, parentId])
  return useSource(view)
}
