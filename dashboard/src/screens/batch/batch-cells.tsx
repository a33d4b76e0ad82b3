import type { Command } from '@fleetwire/protocol'
import { useAgent } from '@fleetwire/react'
import { Link } from '@tanstack/react-router'
import { Circle } from 'lucide-react'
import { memo } from 'react'
import { commandStatus } from '../../model/command-status.ts'
import { cx } from '../../ui/cx.ts'
import { ToneIcon, toneColour } from '../../ui/status.tsx'

/** Queued commands get a different icon from cancelled ones, which have the same tone. */
export const StatusIcon = ({ status }: { status: Command['status'] }) =>
  status === 'queued' ? <Circle size={14} aria-hidden /> : <ToneIcon tone={commandStatus({ status }).tone} />

export interface BatchCellProps {
  commandId: string
  agentId: string
  status: Command['status']
  /** Shows only the icon, for hundreds of agents. */
  isSmall: boolean
}

export const BatchCell = memo(function BatchCell({ commandId, agentId, status, isSmall }: BatchCellProps) {
  const live = useAgent(agentId, agent => agent.name)
  const name = (live.status === 'ready' ? live.data : undefined) ?? agentId
  const { word, tone } = commandStatus({ status })
  return (
    <Link
      to="/commands/$commandId"
      params={{ commandId }}
      preload={false}
      data-command-id={commandId}
      data-status={status}
      title={`${name}: ${word}`}
      aria-label={`${name}: ${word}`}
      className={cx(
        'flex items-center rounded-control border border-line bg-page hover:bg-hover',
        isSmall ? 'size-7 justify-center pointer-coarse:size-11' : 'h-8 gap-2 px-2 pointer-coarse:h-11',
        toneColour[tone],
      )}
    >
      <StatusIcon status={status} />
      {!isSmall && <span className="min-w-0 truncate text-text">{name}</span>}
    </Link>
  )
})
