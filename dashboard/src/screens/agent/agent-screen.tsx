import { useAgent } from '@fleetwire/react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Page } from '../../ui/page.tsx'
import { Empty, Loading, Problem, SkeletonLine } from '../../ui/states.tsx'
import { AgentPage } from './agent-page.tsx'

const route = getRouteApi('/agents/$agentId')

export function AgentScreen() {
  const { agentId } = route.useParams()
  const agent = useAgent(agentId)
  if (agent.status === 'loading') {
    return (
      <Page title={agentId}>
        <Loading label="Loading the agent">
          <div className="flex flex-col gap-3 p-5">
            <SkeletonLine className="w-1/3" />
            <SkeletonLine className="w-2/3" />
            <SkeletonLine className="w-1/2" />
          </div>
        </Loading>
      </Page>
    )
  }
  if (agent.status === 'error') {
    return (
      <Page title={agentId}>
        <Problem title="The agent could not be loaded." error={agent.error} onRetry={() => location.reload()} />
      </Page>
    )
  }
  if (agent.data === undefined) return <UnknownAgent agentId={agentId} />
  // The key gives each agent a fresh page: no state of one agent must show up at another.
  return <AgentPage key={agentId} agent={agent.data} staleSince={agent.stale ? agent.asOf : undefined} />
}

function UnknownAgent({ agentId }: { agentId: string }) {
  return (
    <Page title={agentId}>
      <Empty title="There is no agent with this name.">
        <p>It was removed, has never connected, or your token may not see it.</p>
        <Link to="/" className="font-medium text-accent hover:underline">
          Back to the fleet
        </Link>
      </Empty>
    </Page>
  )
}
