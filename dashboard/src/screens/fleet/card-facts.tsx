import { useInteraction, useInteractionIds, useNow } from '@fleetwire/react'
import { commandWords, statusSince, statusWord } from '../../model/agent-status.ts'
import { age, elapsed } from '../../model/format.ts'
import { visibleText } from '../../model/visible-text.ts'
import { StatusMark } from '../../ui/status.tsx'
import type { AgentView } from './use-agent-view.ts'

/** A time that goes on; of stale values it stands where it was when they were right. */
export function Since({ at, staleSince, as }: { at: number; staleSince: number | undefined; as(ms: number): string }) {
  return staleSince === undefined ? <Ticking at={at} as={as} /> : as(staleSince - at)
}

function Ticking({ at, as }: { at: number; as(ms: number): string }) {
  return as(useNow() - at)
}

/** The mark and its word, with the age where one says more. */
export function CardStatus({ view }: { view: AgentView }) {
  const { agent, summary, status, staleSince } = view
  const dim = staleSince === undefined ? undefined : 'stale'
  if (status === 'needs-you' && agent.openInteractions > 0) return <AskingStatus view={view} />
  // How long it works stands below; how long it idles too.
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

/** The request that is shown for an agent: the riskiest. */
function useFirstRequest(agentId: string) {
  const ids = useInteractionIds({ agentId })
  const first = useInteraction(ids.status === 'ready' ? (ids.data[0] ?? 'skip') : 'skip')
  return first.status === 'ready' ? first.data : undefined
}

function AskingStatus({ view: { agent, status, staleSince } }: { view: AgentView }) {
  const request = useFirstRequest(agent.agentId)
  const word = request === undefined || request.kind === 'permission' ? 'Asks you' : 'Question'
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

/** What it does or did last. */
export function CardTitle({ view: { summary } }: { view: AgentView }) {
  if (summary?.current !== undefined) return summary.current.title
  if (summary?.last === undefined) return <span className="text-text3">No command yet</span>
  return (
    <>
      Last: <bdi>{summary.last.title}</bdi> · {commandWords[summary.last.status].toLowerCase()}
    </>
  )
}

/** The last thing that it said: the question where it asks one, else its last line. */
export function CardLine({ view }: { view: AgentView }) {
  const { agent, summary } = view
  if (agent.openInteractions > 0) return <RequestTitle agentId={agent.agentId} />
  return summary?.current?.message ?? summary?.lastLine ?? agent.detail
}

function RequestTitle({ agentId }: { agentId: string }) {
  return visibleText(useFirstRequest(agentId)?.title ?? '')
}

/** How long it has been so. */
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
