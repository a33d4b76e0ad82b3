import { useAgentSummary, useNow } from '@fleetwire/react'
import { Link } from '@tanstack/react-router'
import { commandWords } from '../../../model/agent-status.ts'
import { ago, elapsed, percent } from '../../../model/format.ts'

/** The running command and its run time, or the last one that ended. */
export function CurrentCommand({ agentId, staleSince }: { agentId: string; staleSince: number | undefined }) {
  const live = useAgentSummary(agentId)
  const clock = useNow()
  const now = staleSince ?? clock
  if (live.status !== 'ready' || live.data === undefined) return null
  const { current, last } = live.data
  if (current !== undefined) {
    return (
      <p className="flex min-w-0 items-baseline gap-2 text-meta">
        <CommandLink commandId={current.commandId} title={current.title} />
        <span className="shrink-0 text-text2 tabular-nums">
          {elapsed(now - current.startedAt)}
          {staleSince !== undefined && ' when last seen'}
          {current.progress !== undefined && ` · ${percent(current.progress)}`}
        </span>
        {current.message !== undefined && <span className="min-w-0 truncate text-text3">{current.message}</span>}
      </p>
    )
  }
  if (last === undefined) return <p className="text-meta text-text3">No command yet</p>
  return (
    <p className="flex min-w-0 items-baseline gap-2 text-meta">
      <span className="shrink-0 text-text3">Last</span>
      <CommandLink commandId={last.commandId} title={last.title} />
      <span className="shrink-0 text-text2">
        {commandWords[last.status]} · {ago(now - last.endedAt)}
      </span>
    </p>
  )
}

function CommandLink({ commandId, title }: { commandId: string; title: string }) {
  return (
    <Link
      to="/commands/$commandId"
      params={{ commandId }}
      title={title}
      className="min-w-0 truncate font-mono text-code hover:underline"
    >
      {title}
    </Link>
  )
}
