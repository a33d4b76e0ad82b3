// A page of CopilotKit on agents of the fleet, with no runtime in between: npm install @copilotkit/react-core @copilotkit/react-ui
// The origin of the page stands in FLEETWIRE_ALLOWED_ORIGINS, unless an app that embeds Fleetwire serves it.
import { CopilotKit } from '@copilotkit/react-core'
import { CopilotChat } from '@copilotkit/react-ui'
import '@copilotkit/react-ui/styles.css'

/** `token`: of the role operator, better one that is narrowed to this agent. `threadId`: the session. */
export function Chat({
  server,
  token,
  agentId,
  threadId,
}: Record<'server' | 'token' | 'agentId' | 'threadId', string>) {
  return (
    <CopilotKit
      runtimeUrl={`${server}/ag-ui/copilotkit`}
      headers={{ Authorization: `Bearer ${token}` }}
      agent={agentId}
      threadId={threadId}
    >
      <CopilotChat labels={{ title: agentId }} />
    </CopilotKit>
  )
}
