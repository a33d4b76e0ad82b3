// A CopilotKit page for agents of the fleet, without CopilotKit's runtime: npm install @copilotkit/react-core @copilotkit/react-ui
// FLEETWIRE_ALLOWED_ORIGINS must contain the origin of the page, unless an app that embeds Fleetwire serves it.
import { CopilotKit } from '@copilotkit/react-core'
import { CopilotChat } from '@copilotkit/react-ui'
import '@copilotkit/react-ui/styles.css'

/** `token`: an operator token, preferably limited to this agent. `threadId`: the session. */
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
