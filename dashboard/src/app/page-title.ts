import { useEffect } from 'react'
import { create } from 'zustand'

/** What the browser's tab says; the shell puts before it how many need you. */
export const usePageTitleStore = create<{ title: string }>(() => ({ title: 'Fleet' }))

export function usePageTitle(title: string): void {
  useEffect(() => usePageTitleStore.setState({ title }), [title])
}
