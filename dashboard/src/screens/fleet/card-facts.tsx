import { useInteraction, useInteractionIds, useNow } from '@fleetwire/react'
import { commandWords, statusSince, statusWord } from '../../model/agent-status.ts'
import { age, elapsed } from '../../model/format.ts'
import { visibleText } from '../../model/visible-text.ts'
import { StatusMark } from '../../ui/status.tsx'
import type { AgentView } from './use-agent-view.ts'

/** A running time. For stale values it stops at the moment when they were last known to be right. */
export function Since({ at, staleSince, as }: { at: number; staleSince: number | undefined; as(ms: number): string }) {
  return staleSince === undefined ? <Ticking at={at} as={as} /> : as(staleSince - at)
}

function Ticking({ at, as }: { at: number; as(ms: number): string }) {
  return as(useNow() - at)
}

/** The status icon and word, with the age where that adds something. */
export function CardStatus({ view }: { view: AgentView }) {
  const { agent, summary, status, staleSince } = view
  const dim = staleSince === undefined ? undefined : 'stale'
  if (status === 'needs-you' && agent.openInteractions > 0) return <AskingStatus view={view} />
  // The times of working and idle agents are shown below, by `CardTime`.
  const at = status === 'working' || status === 'idle' ? undefined : statusSince(status, agent, summary)
  return (
    <StatusMark status={status} className={dim}>
      {statusWord(status, agent, summary)}
      {at !== undefined && (
        <>
          {' · '}
          <Since at={at} staleSince={staleSince} as={age} />
        </>
      )}
    </StatusMark>
  )
}

/** The request to show for an agent: the riskiest. */
function useFirstRequest(agentId: string) {
  const ids = useInteractionIds({ agentId })
  const first = useInteraction(ids.status === 'ready' ? (ids.data[0] ?? 'skip') : 'skip')
  return first.status === 'ready' ? first.data : undefined
}

function AskingStatus({ view: { agent, status, staleSince } }: { view: AgentView }) {
  const request = useFirstRequest(agent.agentId)
  const word = request === undefined || request.kind === 'permission' ? 'Needs answer' : 'Question'
  return (
    <StatusMark status={status} className={staleSince === undefined ? undefined : 'stale'}>
      {word}
      {request?.createdAt !== undefined && (
        <>
          {' · '}
          <Since at={request.createdAt} staleSince={staleSince} as={age} />
        </>
      )}
    </StatusMark>
  )
}

/** The agent's current or last command. */
export function CardTitle({ view: { summary } }: { view: AgentView }) {
  if (summary?.current !== undefined) return summary.current.title
  if (summary?.last === undefined) return <span className="text-text3">No command yet</span>
  return (
    <>
      Last: <bdi>{summary.last.title}</bdi> · {commandWords[summary.last.status].toLowerCase()}
    </>
  )
}

/** The agent's open request if it has one, otherwise its last message or line of output. */
export function CardLine({ view }: { view: AgentView }) {
  const { agent, summary } = view
  if (agent.openInteractions > 0) return <RequestTitle agentId={agent.agentId} />
  return summary?.current?.message ?? summary?.lastLine ?? agent.detail
}

function RequestTitle({ agentId }: { agentId: string }) {
  return visibleText(useFirstRequest(agentId)?.title ?? '')
}

/** The age that matters for the status. */
export function CardTime({ view: { agent, summary, status, staleSince } }: { view: AgentView }) {
  const current = summary?.current
  if (status === 'offline' || status === 'late') {
    return (
      <>
        seen <Since at={agent.lastSeenAt} staleSince={staleSince} as={age} /> ago
      </>
    )
  }
  if (current !== undefined) {
    if (status === 'working') return <Since at={current.startedAt} staleSince={staleSince} as={elapsed} />
    return (
      <>
        running <Since at={current.startedAt} staleSince={staleSince} as={age} />
      </>
    )
  }
  if (status === 'error' && summary?.last !== undefined) {
    return (
      <>
        ended <Since at={summary.last.endedAt} staleSince={staleSince} as={age} /> ago
      </>
    )
  }
  return (
    <>
      idle <Since at={summary?.last?.endedAt ?? agent.connectedAt} staleSince={staleSince} as={age} />
    </>
  )
}
