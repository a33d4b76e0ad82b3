import { memo } from 'react'
import { age, money } from '../../model/format.ts'
import { cx } from '../../ui/cx.ts'
import { UnreadDot } from '../../ui/status.tsx'
import { AgentLink } from './agent-link.tsx'
import { CardLine, CardStatus, CardTime, CardTitle, Since } from './card-facts.tsx'
import { useFleetSelection } from './fleet-selection.ts'
import { SelectBox } from './select-box.tsx'
import { tableColumns } from './table-columns.ts'
import { useAgentView } from './use-agent-view.ts'

export interface AgentRowProps {
  id: string
  index: number
  start: number
  isStop: boolean
}

export const AgentRow = memo(function AgentRow({ id, index, start, isStop }: AgentRowProps) {
  const view = useAgentView(id)
  const isSelected = useFleetSelection(state => state.selected.has(id))
  if (view === undefined) return null
  const { agent, summary, status, isUnread, staleSince } = view
  return (
    <div
      role="row"
      aria-rowindex={index}
      aria-selected={isSelected}
      data-agent-id={id}
      data-status={status}
      style={{ transform: `translateY(${start}px)` }}
      className={cx(
        'group absolute inset-x-0 top-0 h-9 items-center border-b border-line px-5',
        tableColumns,
        isSelected ? 'bg-accent-soft' : 'hover:bg-hover',
        'has-[a[data-agent-link]:focus-visible]:outline-2 has-[a[data-agent-link]:focus-visible]:-outline-offset-2 has-[a[data-agent-link]:focus-visible]:outline-accent',
      )}
    >
      <Cell className="flex items-center gap-2">
        <SelectBox id={id} name={agent.name} isSelected={isSelected} isStop={isStop} always />
        {isUnread && <UnreadDot />}
        <AgentLink id={id} name={agent.name} isOffline={status === 'offline'} isStop={isStop} className="font-medium" />
      </Cell>
      <Cell>
        <CardStatus view={view} />
      </Cell>
      <Cell className="hidden text-text2 tablet:block">
        <CardTitle view={view} />
      </Cell>
      <Cell className="hidden font-mono text-code text-text3 desktop:block">
        <CardLine view={view} />
      </Cell>
      <Cell className={cx('hidden text-text3 tabular-nums tablet:block', staleSince !== undefined && 'stale')}>
        <CardTime view={view} />
      </Cell>
      <Cell className="hidden text-right text-text3 tabular-nums tablet:block">{summary?.queued ?? 0}</Cell>
      <Cell className="hidden text-right text-text3 tabular-nums tablet:block">
        {summary?.usage !== undefined && summary.usage.costUsd > 0 && money(summary.usage.costUsd)}
      </Cell>
      <Cell className="hidden text-right text-text3 tabular-nums desktop:block">
        <Since at={agent.lastSeenAt} staleSince={staleSince} as={age} />
      </Cell>
    </div>
  )
})

function Cell({ className, children }: { className?: string; children: React.ReactNode }) {
  return (
    <div role="gridcell" className={cx('min-w-0 truncate', className)}>
      {children}
    </div>
  )
}
