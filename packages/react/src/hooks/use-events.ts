import type { DashboardEvent } from '@fleetwire/client'
import type { WireError } from '@fleetwire/protocol'
import { useEffect, useRef, useState } from 'react'
import { useStore } from '../provider.tsx'

/**
 * Calls the handler with every event that the patterns match, once and in order. It renders only when the server
 * refuses a pattern, and returns why. `onLive` is called when every event from there on comes, and again when some were
 * missed: what was before is read then, so that nothing is missing in between.
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
    // StrictMode mounts twice in one turn: only the mount that stays subscribes.
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
