import type { Agent } from '@fleetwire/protocol'
import { useState } from 'react'
import { AgentTabs } from './agent-tabs.tsx'
import { Composer } from './composer/composer.tsx'
import { AgentHeader } from './header/agent-header.tsx'
import { OpenRequests } from './requests/open-requests.tsx'
import { Side } from './side/side.tsx'
import { useMarkSeen } from './use-mark-seen.ts'
import { useNeighbours } from './use-neighbours.ts'
import { useMayCommand } from './use-rights.ts'
import { useWide } from './use-wide.ts'

/** One agent: what it is, what it does, what it waits for, and what to tell it. */
export function AgentPage({ agent, stale }: { agent: Agent; stale: boolean }) {
  const { agentId } = agent
  const mayCommand = useMayCommand()
  const isWide = useWide()
  const seenAt = useMarkSeen(agentId)
  const [sessionId, setSessionId] = useState<string>()
  useNeighbours(agentId)
  return (
    <div className="flex h-full min-h-0 flex-col">
      <AgentHeader agent={agent} stale={stale} seenAt={seenAt} mayCommand={mayCommand} />
      <div className="flex min-h-0 flex-1">
        <div className="flex min-h-0 min-w-0 flex-2 flex-col">
          <AgentTabs agent={agent} mayType={mayCommand} hasDetails={!isWide} onSession={setSessionId} />
          <OpenRequests agentId={agentId} />
          <Composer agent={agent} mayCommand={mayCommand} sessionId={sessionId} />
        </div>
        {isWide && (
          <aside
            aria-label="Details"
            className="min-h-0 max-w-[420px] min-w-[260px] flex-1 overflow-auto border-l border-line"
          >
            <Side agent={agent} />
          </aside>
        )}
      </div>
    </div>
  )
}
