import { serverNow, useConnection } from '@fleetwire/react'
import { Ellipsis } from 'lucide-react'
import { markSeen, togglePinned, usePreferences } from '../../app/preferences.ts'
import { mayOperate } from '../../model/rights.ts'
import { IconButton } from '../../ui/button.tsx'
import { Menu } from '../../ui/menu.tsx'
import { openDialog } from './fleet-dialogs.ts'
import { toggleSelected } from './fleet-selection.ts'
import type { AgentView } from './use-agent-view.ts'

export interface AgentMenuProps {
  view: AgentView
  isStop: boolean
  isSelected: boolean
  onOpenChange(open: boolean): void
}

export function AgentMenu({ view, isStop, isSelected, onOpenChange }: AgentMenuProps) {
  const { agent } = view
  const { agentId, name } = agent
  const { role } = useConnection()
  const isPinned = usePreferences(state => state.pinned.includes(agentId))
  return (
    <div className="absolute right-1.5 bottom-1.5 z-10 rounded-control bg-inherit pointer-coarse:right-0 pointer-coarse:bottom-0">
      <Menu
        onOpenChange={onOpenChange}
        trigger={
          <IconButton label={`Actions for ${name}`} tabIndex={isStop ? 0 : -1}>
            <Ellipsis size={16} aria-hidden />
          </IconButton>
        }
        items={[
          { label: isSelected ? 'Deselect' : 'Select', keys: 'X', onSelect: () => toggleSelected(agentId) },
          ...(agent.running.length > 0 && mayOperate(role)
            ? [{ label: 'Stop', keys: 'S', danger: true, onSelect: () => openDialog({ type: 'stop', ids: [agentId] }) }]
            : []),
          ...(view.isUnread
            ? [{ label: 'Mark as seen', keys: 'E', onSelect: () => markSeen(agentId, serverNow()) }]
            : []),
          { label: isPinned ? 'Unpin' : 'Pin', onSelect: () => togglePinned(agentId) },
        ]}
      />
    </div>
  )
}
