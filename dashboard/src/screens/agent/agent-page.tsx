import type { Agent } from '@fleetwire/protocol'
import { getRouteApi } from '@tanstack/react-router'
import { useMayCommand } from '../../model/use-may-command.ts'
import { AgentTabs } from './agent-tabs.tsx'
import { Composer } from './composer/composer.tsx'
import { useShownSession } from './conversation/use-shown-session.ts'
import { AgentHeader } from './header/agent-header.tsx'
import { OpenRequests } from './requests/open-requests.tsx'
import { Side } from './side/side.tsx'
import { useMarkSeen } from './use-mark-seen.ts'
import { useNeighbours } from './use-neighbours.ts'
import { useShownTab } from './use-shown-tab.ts'
import { useWide } from './use-wide.ts'

const route = getRouteApi('/agents/$agentId')

export function AgentPage({ agent, staleSince }: { agent: Agent; staleSince: number | undefined }) {
  const { agentId } = agent
  const mayCommand = useMayCommand()
  const isWide = useWide()
  const seenAt = useMarkSeen(agentId)
  const { session: wanted } = route.useSearch()
  const session = useShownSession(agentId, wanted)
  const [tab, showTab] = useShownTab(agent, !isWide)
  useNeighbours(agentId)
  return (
    <div className="flex h-full min-h-0 flex-col">
      <AgentHeader agent={agent} staleSince={staleSince} seenAt={seenAt} mayCommand={mayCommand} />
      <div className="flex min-h-0 flex-1">
        <div className="flex min-h-0 min-w-0 flex-2 flex-col">
          <AgentTabs
            agent={agent}
            shown={tab}
            onShow={showTab}
            session={session}
            mayType={mayCommand}
            hasDetails={!isWide}
          />
          <OpenRequests agentId={agentId} />
          <Composer
            agent={agent}
            mayCommand={mayCommand}
            sessionId={tab === 'conversation' && session.isActive ? session.shown : undefined}
          />
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
