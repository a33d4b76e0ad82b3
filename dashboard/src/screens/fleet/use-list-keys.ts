import { serverNow, useAgentIds, useConnection } from '@fleetwire/react'
import { useNavigate } from '@tanstack/react-router'
import type { RefObject } from 'react'
import { markSeen } from '../../app/preferences.ts'
import { toast } from '../../app/toasts.ts'
import { useShortcuts } from '../../keys/shortcuts.ts'
import { mayOperate } from '../../model/rights.ts'
import { bucketStatuses } from './buckets.ts'
import { openDialog } from './fleet-dialogs.ts'
import { clearSelection, extendSelection, toggleSelected, useFleetSelection } from './fleet-selection.ts'
import { type ListRow, type Move, moved, nextOf } from './list-rows.ts'
import { useFailedIds } from './use-fleet.ts'

export interface ListKeys {
  rows: readonly ListRow[]
  ids: readonly string[]
  /** The agent that the keys act on. */
  stop: string | undefined
  /** Makes an agent the active one, and scrolls to it. */
  show(id: string | undefined): void
  scroller: RefObject<HTMLElement | null>
}

export function useListKeys({ rows, ids, stop, show, scroller }: ListKeys): void {
  const { role } = useConnection()
  const navigate = useNavigate()
  const hasSelection = useFleetSelection(state => state.selected.size > 0)
  // The first key focuses the active agent; further keys move.
  const go = (move: Move) => show(scroller.current?.contains(document.activeElement) ? moved(rows, stop, move) : stop)
  const open = () => stop && void navigate({ to: '/agents/$agentId', params: { agentId: stop } })
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
    { keys: 'e', label: 'Mark the agent as seen', group: 'Fleet', run: () => stop && markSeen(stop, serverNow()) },
    { keys: 'enter', label: 'Open the agent', group: 'Fleet', keyOnly: true, run: open },
    { keys: 'shift+j', label: 'Extend the selection', group: 'Fleet', keyOnly: true, run: () => extend('next') },
    { keys: 'shift+k', label: 'Extend it upwards', group: 'Fleet', keyOnly: true, run: () => extend('previous') },
  ])
  useShortcuts(
    [
      {
        ...{ keys: 's', label: 'Stop the agent, or the selected ones', group: 'Fleet' },
        run() {
          const { selected } = useFleetSelection.getState()
          const ids = selected.size > 0 ? [...selected] : stop === undefined ? [] : [stop]
          if (ids.length > 0) openDialog({ type: 'stop', ids })
        },
      },
    ],
    mayOperate(role),
  )
  useShortcuts(
    [{ keys: 'escape', label: 'Clear the selection', group: 'Fleet', keyOnly: true, run: clearSelection }],
    hasSelection,
  )
}

/** N: goes to the next shown agent that needs you, from the active one on and around. */
export function useNextThatNeedsYou(
  ids: readonly string[],
  activeId: string | undefined,
  show: (id: string | undefined) => void,
): void {
  const live = useAgentIds({ where: { status: bucketStatuses['needs-you'] }, unseenFailures: useFailedIds() })
  const run = () => {
    const needing = new Set(live.status === 'ready' ? live.data.ids : [])
    const next = nextOf(ids, activeId, id => needing.has(id))
    if (next === undefined) toast(needing.size === 0 ? 'Nothing needs you' : 'None of the agents shown needs you')
    else show(next)
  }
  useShortcuts([{ keys: 'n', label: 'Next agent that needs you', group: 'Fleet', run }])
}
