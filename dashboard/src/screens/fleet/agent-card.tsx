import { memo, useState } from 'react'
import { money } from '../../model/format.ts'
import { cx } from '../../ui/cx.ts'
import { ProgressBar } from '../../ui/progress-bar.tsx'
import { UnreadDot } from '../../ui/status.tsx'
import { AgentLink } from './agent-link.tsx'
import { AgentMenu } from './agent-menu.tsx'
import { CardLine, CardStatus, CardTime, CardTitle } from './card-facts.tsx'
import { useFleetSelection } from './fleet-selection.ts'
import { SelectBox } from './select-box.tsx'
import { useAgentView } from './use-agent-view.ts'

/** Touch devices cannot hover, so the actions of a card are always visible there. */
const isTouch = matchMedia('(pointer: coarse)').matches

/** A click anywhere on the card opens the agent; the name is the link. */
export const AgentCard = memo(function AgentCard({ id, isStop }: { id: string; isStop: boolean }) {
  const view = useAgentView(id)
  const isSelected = useFleetSelection(state => state.selected.has(id))
  const [isNear, setNear] = useState(false)
  const [hasMenu, setMenu] = useState(false)
  const onMenu = (open: boolean) => {
    setMenu(open)
    // When the menu closes, the focus returns to its button.
    setNear(true)
  }
  if (view === undefined) return <div className="h-[116px] rounded-card border border-line bg-card" />
  const { agent, summary, status, isUnread, staleSince } = view
  const progress = summary?.current?.progress
  return (
    <div
      role="gridcell"
      aria-selected={isSelected}
      data-agent-id={id}
      data-status={status}
      onPointerEnter={() => setNear(true)}
      onPointerLeave={() => setNear(false)}
      onFocus={() => setNear(true)}
      onBlur={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget)) setNear(false)
      }}
      className={cx(
        'group relative flex h-[116px] flex-col overflow-hidden rounded-card border px-3 pt-[9px] pb-[9px]',
        'has-[a[data-agent-link]:focus-visible]:outline-2 has-[a[data-agent-link]:focus-visible]:-outline-offset-1 has-[a[data-agent-link]:focus-visible]:outline-accent',
        isSelected ? 'border-accent bg-accent-soft' : 'bg-card hover:bg-hover',
        !isSelected && (status === 'needs-you' ? 'border-needs/60' : 'border-line'),
      )}
    >
      <div className="flex h-[22px] items-center gap-2">
        <SelectBox id={id} name={agent.name} isSelected={isSelected} isStop={isStop} />
        {isUnread && <UnreadDot />}
        <AgentLink
          id={id}
          name={agent.name}
          isOffline={status === 'offline'}
          isStop={isStop}
          className="flex-1 font-semibold"
        />
        <CardStatus view={view} />
      </div>
      <div className="mt-0.5 truncate text-text2">
        <CardTitle view={view} />
      </div>
      <div className="mt-[3px] truncate font-mono text-code text-text3">
        <CardLine view={view} />
      </div>
      <div
        className={cx(
          'mt-auto flex h-5 items-center gap-3 text-meta text-text3 tabular-nums',
          staleSince !== undefined && 'stale',
        )}
      >
        <span>
          <CardTime view={view} />
        </span>
        <span>{summary?.queued ?? 0} queued</span>
        {summary?.usage !== undefined && summary.usage.costUsd > 0 && (
          <span className="ml-auto pointer-coarse:mr-9">{money(summary.usage.costUsd)}</span>
        )}
      </div>
      {(isNear || hasMenu || isTouch) && (
        <AgentMenu view={view} isStop={isStop} isSelected={isSelected} onOpenChange={onMenu} />
      )}
      {progress !== undefined && status === 'working' && (
        <ProgressBar value={progress} label={`Progress of ${agent.name}`} className="absolute inset-x-0 bottom-0" />
      )}
    </div>
  )
})
