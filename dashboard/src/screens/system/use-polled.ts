import type { LocalError } from '@fleetwire/client'
import type { WireError } from '@fleetwire/protocol'
import type { RestResult } from '@fleetwire/react'
import { serverNow } from '@fleetwire/react'
import { useCallback, useEffect, useRef, useState } from 'react'

export interface Polled<T> {
  data: T | undefined
  error: WireError | LocalError | undefined
  /** When `data` was read, epoch ms. */
  at: number
  refresh(): Promise<void>
}

/** Polls data that is not pushed, every `everyMs` while the page is visible. An error keeps the previous data. */
export function usePolled<T>(load: () => Promise<RestResult<T>>, everyMs: number): Polled<T> {
  const latest = useRef(load)
  latest.current = load
  const [state, setState] = useState<Omit<Polled<T>, 'refresh'>>({ data: undefined, error: undefined, at: 0 })
  const refresh = useCallback(async () => {
    const result = await latest.current()
    setState(before =>
      result.ok ? { data: result.data, error: undefined, at: serverNow() } : { ...before, error: result.error },
    )
  }, [])
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    let isHere = true
    const next = async () => {
      if (!document.hidden) await refresh()
      if (isHere) timer = setTimeout(next, everyMs)
    }
    void next()
    return () => {
      isHere = false
      clearTimeout(timer)
    }
  }, [refresh, everyMs])
  return { ...state, refresh }
}
