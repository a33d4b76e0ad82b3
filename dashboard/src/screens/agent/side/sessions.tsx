import { useNow, useSessionPage, useSessionRecord } from '@fleetwire/react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { ago } from '../../../model/format.ts'
import { sessionTitle } from '../conversation/session-title.ts'
import { Quiet, Section } from './section.tsx'

const FEW = 5

export function Sessions({ agentId }: { agentId: string }) {
  const { ids, hasMore, isLoading, loadMore } = useSessionPage({ agentId })
  const [all, setAll] = useState(false)
  if (ids.status !== 'ready') return <Section title="Sessions">{null}</Section>
  const shown = all ? ids.data : ids.data.slice(0, FEW)
  return (
    <Section title="Sessions" count={ids.data.length}>
      {shown.length === 0 && !isLoading && <Quiet>No conversations yet.</Quiet>}
      <ul>
        {shown.map(id => (
          <SessionRow key={id} agentId={agentId} sessionId={id} />
        ))}
      </ul>
      {(ids.data.length > shown.length || (all && hasMore)) && (
        <button
          type="button"
          className="min-h-6 text-meta text-accent hover:underline"
          onClick={() => (all ? void loadMore() : setAll(true))}
        >
          Show more
        </button>
      )}
    </Section>
  )
}

function SessionRow({ agentId, sessionId }: { agentId: string; sessionId: string }) {
  const live = useSessionRecord(sessionId)
  const session = live.status === 'ready' ? live.data : undefined
  const now = useNow()
  return (
    <li>
      <Link
        to="/agents/$agentId"
        params={{ agentId }}
        search={{ tab: 'conversation', session: sessionId }}
        className="-mx-2 flex min-h-8 items-baseline gap-2 rounded-control px-2 py-1.5 hover:bg-hover"
      >
        <span className="min-w-0 flex-1 truncate">{session === undefined ? sessionId : sessionTitle(session)}</span>
        <span className="shrink-0 text-meta text-text3 tabular-nums">
          {session !== undefined &&
            (session.status === 'active' ? 'active' : `ended ${ago(now - session.lastActivityAt)}`)}
        </span>
      </Link>
    </li>
  )
}
