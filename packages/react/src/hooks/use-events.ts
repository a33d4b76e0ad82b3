import type { DashboardEvent } from '@fleetwire/client'
import { useEffect, useRef } from 'react'
import { useStore } from '../provider.tsx'

/** Calls the handler with every event that the patterns match, once and in order. It renders nothing. */
export function useEvents(patterns: string | readonly string[], handler: (event: DashboardEvent) => void): void {
  const { client } = useStore()
  const latest = useRef(handler)
  useEffect(() => {
    latest.current = handler
  })
  const key = typeof patterns === 'string' ? patterns : patterns.join()
  useEffect(() => {
    if (key === '') return
    let isOver = false
    let unsubscribe: (() => void) | undefined
    // StrictMode mounts twice in one turn: only the mount that stays subscribes.
    queueMicrotask(() => {
      if (isOver) return
      const handlers = { event: (event: DashboardEvent) => latest.current(event) }
      unsubscribe = client.subscribe(key.split(','), handlers, { snapshot: 'active' })
    })
    return () => {
      isOver = true
      unsubscribe?.()
    }
  }, [client, key])
}
