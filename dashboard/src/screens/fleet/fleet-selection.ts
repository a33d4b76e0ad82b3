import { create } from 'zustand'
import { between } from './list-rows.ts'

interface FleetSelection {
  /** The agent that keys act on: the tab stop of the list. */
  activeId: string | undefined
  selected: ReadonlySet<string>
  /** Where ⇧J and ⇧click extend the selection from. */
  anchorId: string | undefined
}

const NONE: ReadonlySet<string> = new Set()

/** The active and selected agents of the list. They survive a visit to an agent's page. */
export const useFleetSelection = create<FleetSelection>(() => ({
  activeId: undefined,
  selected: NONE,
  anchorId: undefined,
}))

const { getState, setState } = useFleetSelection

export const activate = (id: string): void => {
  if (getState().activeId !== id) setState({ activeId: id })
}

export const clearSelection = (): void => setState({ selected: NONE, anchorId: undefined })

export function toggleSelected(id: string): void {
  const selected = new Set(getState().selected)
  if (!selected.delete(id)) selected.add(id)
  setState({ selected, anchorId: id })
}

export const select = (ids: Iterable<string>): void => setState({ selected: new Set(ids) })

/** Selects everything from the anchor to `id`, in the order of the list. */
export function extendSelection(ids: readonly string[], id: string): void {
  const { anchorId, activeId, selected } = getState()
  const from = anchorId ?? activeId ?? id
  setState({ selected: new Set([...selected, ...between(ids, from, id)]), anchorId: from, activeId: id })
}

/** Deselects agents that no longer exist. */
export function keepOnly(exists: (id: string) => boolean): void {
  const { selected } = getState()
  const kept = [...selected].filter(exists)
  if (kept.length < selected.size) setState({ selected: new Set(kept) })
}
