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
  /** When the user last looked at each agent, epoch ms. */
  seen: Readonly<Record<string, number>>
  /** Dismissed needs that have no record on the server, and when they were dismissed. */
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

/** The user's preferences, stored in this browser and not on the server. */
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
      // `merge` picks the usable values, whatever version wrote them.
      migrate: kept => kept as Preferences,
      merge: (kept, initial) => ({ ...initial, ...usable(kept, kinds) }),
    },
  ),
)

const LIMIT = 2000

/** Adds an entry and drops the oldest ones over the limit, so that entries of agents long gone do not pile up. */
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
