import { useSyncExternalStore } from 'react'

/** A hook that says whether a media query matches now, and renders when that changes. */
export function mediaHook(condition: string): () => boolean {
  const query = matchMedia(condition)
  const subscribe = (callback: () => void) => {
    query.addEventListener('change', callback)
    return () => query.removeEventListener('change', callback)
  }
  return () => useSyncExternalStore(subscribe, () => query.matches)
}
