import type { Agent } from '@fleetwire/protocol'
import { AboutAgent } from './about-agent.tsx'
import { Cost } from './cost.tsx'
import { Metrics } from './metrics.tsx'
import { Queue } from './queue.tsx'
import { Sessions } from './sessions.tsx'
import { Tasks } from './tasks.tsx'

/** The details of an agent, ordered by how soon the user may act on them. */
export function Side({ agent }: { agent: Agent }) {
  const { agentId } = agent
  return (
    <>
      <Queue agent={agent} />
      <Sessions agentId={agentId} />
      <Tasks agentId={agentId} />
      <Metrics agentId={agentId} />
      <Cost agentId={agentId} />
      <AboutAgent agent={agent} />
    </>
  )
}
