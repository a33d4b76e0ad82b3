import { useEffect } from 'react'
import { create } from 'zustand'

/** The title of the browser tab; the shell prefixes the number of items that need you. */
export const usePageTitleStore = create<{ title: string }>(() => ({ title: 'Fleet' }))

export function usePageTitle(title: string): void {
  useEffect(() => usePageTitleStore.setState({ title }), [title])
}
