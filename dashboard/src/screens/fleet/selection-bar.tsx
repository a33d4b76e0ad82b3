import { useAgentIds, useConnection } from '@fleetwire/react'
import { X } from 'lucide-react'
import { useEffect } from 'react'
import { count } from '../../model/format.ts'
import { mayAdminister, mayOperate } from '../../model/rights.ts'
import { Button, IconButton } from '../../ui/button.tsx'
import { openDialog } from './fleet-dialogs.ts'
import { clearSelection, keepOnly, select, useFleetSelection } from './fleet-selection.ts'

/** The actions for the selected agents. `ids`: the shown agents. */
export function SelectionBar({ ids }: { ids: readonly string[] }) {
  const isOpen = useFleetSelection(state => state.selected.size > 0)
  return isOpen ? <Bar ids={ids} /> : null
}

function Bar({ ids }: { ids: readonly string[] }) {
  const selected = useFleetSelection(state => state.selected)
  const { role } = useConnection()
  const all = useAgentIds()
  const existing = all.status === 'ready' ? all.data.ids : undefined
  useEffect(() => {
    if (existing === undefined) return
    const known = new Set(existing)
    keepOnly(id => known.has(id))
  }, [existing])
  const chosen = [...selected]
  const isWhole = ids.every(id => selected.has(id))
  return (
    <div className="pointer-events-none absolute inset-x-3 bottom-3 z-20 flex justify-center">
      <div
        role="toolbar"
        aria-label="Selected agents"
        className="pointer-events-auto flex flex-wrap items-center justify-center gap-2 rounded-dialog border border-line bg-card py-2 pr-2 pl-4 shadow-overlay"
      >
        <span className="font-medium whitespace-nowrap tabular-nums">{count(selected.size)} selected</span>
        {!isWhole && (
          <Button look="quiet" onClick={() => select([...chosen, ...ids])}>
            Select all {count(ids.length)}
          </Button>
        )}
        {mayOperate(role) && (
          <>
            <Button onClick={() => openDialog({ type: 'send', ids: chosen })}>Send</Button>
            <Button look="danger-outline" onClick={() => openDialog({ type: 'stop', ids: chosen })}>
              Stop
            </Button>
          </>
        )}
        {mayAdminister(role) && (
          <Button onClick={() => openDialog({ type: 'disconnect', ids: chosen })}>Disconnect</Button>
        )}
        <IconButton label="Clear the selection" onClick={clearSelection}>
          <X size={16} aria-hidden />
        </IconButton>
      </div>
    </div>
  )
}
