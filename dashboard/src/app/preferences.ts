import { create } from 'zustand'
import { createJSONStorage, persist } from 'zustand/middleware'
import { usable } from './kept-preferences.ts'
import { safeStorage } from './safe-storage.ts'

export type Theme = 'system' | 'dark' | 'light'
export type AgentTab = 'terminal' | 'conversation' | 'timeline'

export interface Preferences {
  theme: Theme
  fleetView: 'cards' | 'table'
  /** `status`, or the name of a label. */
  groupBy: string
  pinned: readonly string[]
  tabs: Readonly<Record<string, AgentTab>>
  drafts: Readonly<Record<string, string>>
  /** When somebody last looked at an agent, epoch ms. */
  seen: Readonly<Record<string, number>>
  /** Needs without a record of their own that somebody put away, and when. */
  dismissed: Readonly<Record<string, number>>
  desktopNotifications: boolean
  notifyDone: boolean
  screenReaderTerminal: boolean
  set(change: Partial<Preferences>): void
}

const kinds = {
  theme: ['system', 'dark', 'light'],
  fleetView: ['cards', 'table'],
  groupBy: 'text',
  pinned: 'texts',
  tabs: 'map of texts',
  drafts: 'map of texts',
  seen: 'map of numbers',
  dismissed: 'map of numbers',
  desktopNotifications: 'flag',
  notifyDone: 'flag',
  screenReaderTerminal: 'flag',
} as const satisfies Record<Exclude<keyof Preferences, 'set'>, unknown>

/** What one person keeps in this browser; the fleet knows nothing of it. */
export const usePreferences = create<Preferences>()(
  persist(
    set => ({
      theme: 'system',
      fleetView: 'cards',
      groupBy: 'status',
      pinned: [],
      tabs: {},
      drafts: {},
      seen: {},
      dismissed: {},
      desktopNotifications: false,
      notifyDone: false,
      screenReaderTerminal: false,
      set,
    }),
    {
      name: 'fleetwire',
      version: 1,
      storage: createJSONStorage(() => safeStorage(() => localStorage)),
      // Whatever version wrote it, `merge` takes what can be used.
      migrate: kept => kept as Preferences,
      merge: (kept, initial) => ({ ...initial, ...usable(kept, kinds) }),
    },
  ),
)

const LIMIT = 2000

/** A map with one more entry and without the oldest over the limit: what is stored for agents long gone ends. */
export function withEntry<T>(map: Readonly<Record<string, T>>, key: string, value: T): Record<string, T> {
  const { [key]: _, ...rest } = map
  const entries = Object.entries(rest)
  return { ...Object.fromEntries(entries.slice(Math.max(0, entries.length - LIMIT + 1))), [key]: value }
}

export const markSeen = (agentId: string, at: number): void => {
  const { seen, set } = usePreferences.getState()
  if ((seen[agentId] ?? 0) < at) set({ seen: withEntry(seen, agentId, at) })
}

export function togglePinned(agentId: string): void {
  const { pinned, set } = usePreferences.getState()
  set({ pinned: pinned.includes(agentId) ? pinned.filter(id => id !== agentId) : [...pinned, agentId] })
}
