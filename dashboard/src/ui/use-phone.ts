import { useSyncExternalStore } from 'react'

const query = matchMedia('(width < 720px)')

const subscribe = (callback: () => void) => {
  query.addEventListener('change', callback)
  return () => query.removeEventListener('change', callback)
}

/** One column, sheets instead of dialogs, navigation under the thumb. */
export const usePhone = (): boolean => useSyncExternalStore(subscribe, () => query.matches)
