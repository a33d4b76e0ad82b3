import { useRef, useSyncExternalStore } from 'react'
import { type Live, LOADING, type Source } from '../store/live.ts'

const nothing = () => () => {}

/** The source of a hook that was given 'skip'. */
export const SKIPPED: Source<Live<never>> = { subscribe: nothing, get: () => LOADING }

export function useSource<T>({ subscribe, get }: Source<T>): T {
  return useSyncExternalStore(subscribe, get, get)
}

interface Selected<T, S> {
  live: Live<T>
  select: (data: T) => S
  result: Live<S>
}

/** A selected part of live data: the component renders only when that part changes. */
export function useSelected<T, S>(
  source: Source<Live<T>>,
  select: ((data: T) => S) | undefined,
  equal: (a: S, b: S) => boolean = Object.is,
): Live<S> {
  const last = useRef<Selected<T, S>>(undefined)
  const get = (): Live<S> => {
    const live = source.get()
    if (select === undefined || live.status !== 'ready') return live as Live<S>
    const before = last.current
    if (before !== undefined && before.live === live && before.select === select) return before.result
    const data = select(live.data)
    const isSame =
      before?.result.status === 'ready' && before.result.stale === live.stale && equal(before.result.data, data)
    const result = isSame ? before.result : { ...live, data }
    last.current = { live, select, result }
    return result
  }
  return useSyncExternalStore(source.subscribe, get, get)
}
