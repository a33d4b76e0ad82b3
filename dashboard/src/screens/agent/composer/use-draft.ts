import { useCallback, useEffect, useRef, useState } from 'react'
import { usePreferences, withEntry } from '../../../app/preferences.ts'

const SAVE_AFTER_MS = 400

function save(agentId: string, text: string): void {
  const { drafts, set } = usePreferences.getState()
  if ((drafts[agentId] ?? '') === text) return
  const { [agentId]: _, ...rest } = drafts
  set({ drafts: text === '' ? rest : withEntry(drafts, agentId, text) })
}

/** The unsent text for an agent. It survives navigation and a reload. */
export function useDraft(agentId: string): [string, (next: string | ((text: string) => string)) => void] {
  const [draft, setDraft] = useState(() => ({ agentId, text: usePreferences.getState().drafts[agentId] ?? '' }))
  const latest = useRef(draft)
  if (draft.agentId !== agentId) {
    save(draft.agentId, draft.text)
    setDraft({ agentId, text: usePreferences.getState().drafts[agentId] ?? '' })
  }
  latest.current = draft
  useEffect(() => {
    const timer = setTimeout(() => save(draft.agentId, draft.text), SAVE_AFTER_MS)
    return () => clearTimeout(timer)
  }, [draft])
  useEffect(() => {
    const now = () => save(latest.current.agentId, latest.current.text)
    window.addEventListener('pagehide', now)
    return () => {
      window.removeEventListener('pagehide', now)
      now()
    }
  }, [])
  const set = useCallback((next: string | ((text: string) => string)) => {
    setDraft(before => ({ ...before, text: typeof next === 'function' ? next(before.text) : next }))
  }, [])
  return [draft.agentId === agentId ? draft.text : '', set]
}
