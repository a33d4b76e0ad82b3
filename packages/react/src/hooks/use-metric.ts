import { useMemo } from 'react'
import { useStore } from '../provider.tsx'
import { liveSource } from '../store/sources.ts'
import { useSource } from './use-live.ts'

const NONE: readonly number[] = []

/** The latest values of an agent's metric, oldest first. They are kept while a component reads them. */
export function useMetric(agentId: string, key: string, points = 120): readonly number[] {
  const store = useStore()
  const source = useMemo(() => {
    let from: readonly number[] = NONE
    let last: readonly number[] = NONE
    return liveSource({
      peek: () => store.peekMetrics(agentId),
      open: () => store.metrics(agentId),
      read(feed) {
        const all = feed.points(key)
        if (all !== from) last = all.slice(-points)
        from = all
        return last
      },
    })
  }, [store, agentId, key, points])
  const live = useSource(source)
  return live.status === 'ready' ? live.data : NONE
}

/** The names of the metrics that an agent has sent. */
export function useMetricKeys(agentId: string): readonly string[] {
  const store = useStore()
  const source = useMemo(() => {
    let last: readonly string[] = []
    return liveSource({
      peek: () => store.peekMetrics(agentId),
      open: () => store.metrics(agentId),
      read(feed) {
        const { keys } = feed
        if (keys.length !== last.length) last = keys
        return last
      },
    })
  }, [store, agentId])
  const live = useSource(source)
  return live.status === 'ready' ? live.data : []
}
