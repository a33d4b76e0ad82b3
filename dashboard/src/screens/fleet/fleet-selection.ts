import { create } from 'zustand'
import { between } from './list-rows.ts'

interface FleetSelection {
  /** The agent that keys act on: the one tab stop of the list. */
  activeId: string | undefined
  selected: ReadonlySet<string>
  /** From where ⇧J and ⇧click extend. */
  anchorId: string | undefined
}

const NONE: ReadonlySet<string> = new Set()

/** What somebody points at in the list and has chosen there; it outlives a look at an agent's page. */
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

/** Adds all from the anchor to `id`, in the order of the list. */
export function extendSelection(ids: readonly string[], id: string): void {
  const { anchorId, activeId, selected } = getState()
  const from = anchorId ?? activeId ?? id
  setState({ selected: new Set([...selected, ...between(ids, from, id)]), anchorId: from, activeId: id })
}

/** Forgets agents that are gone. */
export function keepOnly(exists: (id: string) => boolean): void {
  const { selected } = getState()
  const kept = [...selected].filter(exists)
  if (kept.length < selected.size) setState({ selected: new Set(kept) })
}
