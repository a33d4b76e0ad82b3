import { useSyncExternalStore } from 'react'

const query = matchMedia('(width >= 900px)')

const subscribe = (callback: () => void) => {
  query.addEventListener('change', callback)
  return () => query.removeEventListener('change', callback)
}

/** Whether the details have a column of their own; else they are a tab. */
export const useWide = (): boolean => useSyncExternalStore(subscribe, () => query.matches)
