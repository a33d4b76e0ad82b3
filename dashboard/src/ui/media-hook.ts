import { useSyncExternalStore } from 'react'

/** Creates a hook that returns whether a media query matches, and renders again when that changes. */
export function mediaHook(condition: string): () => boolean {
  const query = matchMedia(condition)
  const subscribe = (callback: () => void) => {
    query.addEventListener('change', callback)
    return () => query.removeEventListener('change', callback)
  }
  return () => useSyncExternalStore(subscribe, () => query.matches)
}
