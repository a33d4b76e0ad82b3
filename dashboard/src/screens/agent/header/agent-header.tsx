import type { Agent } from '@fleetwire/protocol'
import { useAgentSummary, useNow } from '@fleetwire/react'
import { Pin, PinOff } from 'lucide-react'
import { usePageTitle } from '../../../app/page-title.ts'
import { togglePinned, usePreferences } from '../../../app/preferences.ts'
import { useShortcuts } from '../../../keys/shortcuts.ts'
import { shownStatus, statusNotes, statusSince, statusWord } from '../../../model/agent-status.ts'
import { age } from '../../../model/format.ts'
import { IconButton } from '../../../ui/button.tsx'
import { cx } from '../../../ui/cx.ts'
import { StatusMark } from '../../../ui/status.tsx'
import { AgentMenu } from './agent-menu.tsx'
import { CurrentCommand } from './current-command.tsx'
import { Facts } from './facts.tsx'
import { StopButton } from './stop-button.tsx'

export interface AgentHeaderProps {
  agent: Agent
  /** When the connection ended and the data became stale, epoch ms; undefined while it is live. */
  staleSince: number | undefined
  /** When the user looked at the agent before this visit. */
  seenAt: number
  mayCommand: boolean
}

export function AgentHeader({ agent, staleSince, seenAt, mayCommand }: AgentHeaderProps) {
  const { agentId, name } = agent
  usePageTitle(name)
  const summary = useAgentSummary(agentId)
  const clock = useNow()
  // Ages of stale data do not grow, since the current state is unknown.
  const now = staleSince ?? clock
  const stale = staleSince !== undefined
  const latest = summary.status === 'ready' ? summary.data : undefined
  // The failure that brought the user here stays visible until another command runs.
  const status = shownStatus(agent, latest, latest?.current === undefined ? seenAt : Number.POSITIVE_INFINITY)
  const since = statusSince(status, agent, latest)
  const isPinned = usePreferences(({ pinned }) => pinned.includes(agentId))
  useShortcuts([
    {
      keys: '',
      label: isPinned ? 'Unpin this agent' : 'Pin this agent',
      group: 'Agent',
      run: () => togglePinned(agentId),
    },
  ])
  return (
    <header
      data-agent-id={agentId}
      data-status={status}
      className="flex shrink-0 flex-col gap-1 border-b border-line px-5 py-2 max-tablet:px-3"
    >
      <div className="flex min-h-9 flex-wrap items-center gap-x-3 gap-y-1">
        <h1 className="max-w-full min-w-0 truncate text-title font-semibold" title={name}>
          {name}
        </h1>
        {name !== agentId && (
          <span className="truncate font-mono text-code text-text3 max-tablet:hidden">{agentId}</span>
        )}
        <span title={statusNotes[status]} className={cx('inline-flex', stale && 'stale')}>
          <StatusMark status={status}>
            {statusWord(status, agent, latest)}
            {since !== undefined && ` · ${age(now - since)}`}
          </StatusMark>
        </span>
        <div className="ml-auto flex min-w-0 items-center gap-2">
          <StopButton agentId={agentId} mayStop={mayCommand} />
          <IconButton label={isPinned ? 'Unpin' : 'Pin'} aria-pressed={isPinned} onClick={() => togglePinned(agentId)}>
            {isPinned ? <PinOff size={16} aria-hidden /> : <Pin size={16} aria-hidden />}
          </IconButton>
          <AgentMenu agentId={agentId} name={name} />
        </div>
      </div>
      <div className={cx('flex min-w-0 flex-wrap items-center justify-between gap-x-6 gap-y-1', stale && 'stale')}>
        <CurrentCommand agentId={agentId} staleSince={staleSince} />
        <div className="min-w-0 max-tablet:hidden">
          <Facts agent={agent} staleSince={staleSince} />
        </div>
      </div>
    </header>
  )
}
