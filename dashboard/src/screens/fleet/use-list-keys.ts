import type { RefObject } from 'react'
import { useShortcuts } from '../../keys/shortcuts.ts'
import { clearSelection, extendSelection, toggleSelected, useFleetSelection } from './fleet-selection.ts'
import { type ListRow, type Move, moved } from './list-rows.ts'

export interface ListKeys {
  rows: readonly ListRow[]
  ids: readonly string[]
  /** The agent that the keys act on. */
  stop: string | undefined
  /** Makes an agent the one that keys act on, and scrolls to it. */
  show(id: string | undefined): void
  scroller: RefObject<HTMLElement | null>
}

export function useListKeys({ rows, ids, stop, show, scroller }: ListKeys): void {
  const hasSelection = useFleetSelection(state => state.selected.size > 0)
  // The first key shows where one is; the next ones move.
  const go = (move: Move) => show(scroller.current?.contains(document.activeElement) ? moved(rows, stop, move) : stop)
  const extend = (move: Move) => {
    const to = moved(rows, stop, move)
    if (to === undefined) return
    extendSelection(ids, to)
    show(to)
  }
  useShortcuts([
    { keys: 'j', label: 'Next agent', group: 'Fleet', keyOnly: true, run: () => go('next') },
    { keys: 'k', label: 'Previous agent', group: 'Fleet', keyOnly: true, run: () => go('previous') },
    { keys: 'x', label: 'Select the agent', group: 'Fleet', keyOnly: true, run: () => stop && toggleSelected(stop) },
    { keys: 'shift+j', label: 'Extend the selection', group: 'Fleet', keyOnly: true, run: () => extend('next') },
    { keys: 'shift+k', label: 'Extend it upwards', group: 'Fleet', keyOnly: true, run: () => extend('previous') },
  ])
  useShortcuts(
    [{ keys: 'escape', label: 'Clear the selection', group: 'Fleet', keyOnly: true, run: clearSelection }],
    hasSelection,
  )
}
