import type { DashboardEvent } from '@fleetwire/client'
import type { WireError } from '@fleetwire/protocol'
import { useEffect, useRef, useState } from 'react'
import { useStore } from '../provider.tsx'

/**
 * Calls the handler with every event that matches the patterns, once and in order. Renders only when the server refuses
 * a pattern, and returns the error. `onLive` is called once every further event will be delivered, and again after
 * events were missed: read earlier state then, so that nothing in between is lost.
 */
export function useEvents(
  patterns: string | readonly string[],
  handler: (event: DashboardEvent) => void,
  onLive?: () => void,
): WireError | undefined {
  const { client } = useStore()
  const latest = useRef({ handler, onLive })
  useEffect(() => {
    latest.current = { handler, onLive }
  })
  const key = typeof patterns === 'string' ? patterns : patterns.join()
  const [refused, setRefused] = useState<{ key: string; error: WireError }>()
  useEffect(() => {
    if (key === '') return
    let isOver = false
    let unsubscribe: (() => void) | undefined
    // StrictMode mounts twice in one turn: only the mount that remains subscribes.
    queueMicrotask(() => {
      if (isOver) return
      const handlers = {
        event: (event: DashboardEvent) => latest.current.handler(event),
        live: () => isOver || latest.current.onLive?.(),
        error: (error: WireError) => error.retryable || setRefused({ key, error }),
      }
      unsubscribe = client.subscribe(key.split(','), handlers, { snapshot: false })
    })
    return () => {
      isOver = true
      unsubscribe?.()
    }
  }, [client, key])
  return refused?.key === key ? refused.error : undefined
}
