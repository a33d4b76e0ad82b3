import { DashboardClient } from '@fleetwire/client'
import {
  agentStatus,
  FleetwireProvider,
  useAction,
  useAgent,
  useAgentIds,
  useAgentSummary,
  useConnection,
  useFleetwire,
  useInteraction,
  useInteractionIds,
} from '@fleetwire/react'
import { createRoot } from 'react-dom/client'

// Created once, outside React: the connection survives mounting and unmounting.
const client = new DashboardClient({ url: location.origin, token: sessionStorage.getItem('token') ?? '' })

/** A row renders only when its own agent changes. */
function AgentRow({ id }: { id: string }) {
  const fleetwire = useFleetwire()
  const agent = useAgent(id)
  const lastLine = useAgentSummary(id, summary => summary.lastLine)
  const run = useAction((input: string) => fleetwire.submit({ agentId: id, kind: 'shell', input }))
  if (agent.status !== 'ready' || agent.data === undefined) return null
  return (
    <li data-agent-id={id} data-status={agentStatus(agent.data)} style={{ opacity: agent.stale ? 0.5 : 1 }}>
      <b>{agent.data.name}</b> {agent.data.work} <code>{lastLine.status === 'ready' && lastLine.data}</code>
      <form action={form => run.run(String(form.get('input'))).then(() => {})}>
        <input name="input" aria-label={`Command for ${agent.data.name}`} />
        <button type="submit" disabled={run.pending}>
          Send
        </button>
        {run.error?.message}
      </form>
    </li>
  )
}

function Request({ id }: { id: string }) {
  const fleetwire = useFleetwire()
  const request = useInteraction(id)
  const answer = useAction((optionId: string) => fleetwire.respond({ interactionId: id, optionId }))
  if (request.status !== 'ready' || request.data === undefined) return null
  return (
    <li data-interaction-id={id}>
      {request.data.agentId} asks: {request.data.title}
      {request.data.options.map(option => (
        <button key={option.id} type="button" disabled={answer.pending} onClick={() => answer.run(option.id)}>
          {option.label}
        </button>
      ))}
      {answer.error?.message}
    </li>
  )
}

function Page() {
  const connection = useConnection()
  const agents = useAgentIds()
  const requests = useInteractionIds()
  if (agents.status === 'error') return <p role="alert">{agents.error.message}</p>
  return (
    <main>
      <p role="status" aria-label="Connection" data-state={connection.state}>
        {connection.state} {connection.rttMs !== undefined && `${connection.rttMs} ms`}
      </p>
      <h1>Needs you</h1>
      <ul>{requests.status === 'ready' && requests.data.map(id => <Request key={id} id={id} />)}</ul>
      <h1>Fleet</h1>
      <ul>{agents.status === 'ready' && agents.data.ids.map(id => <AgentRow key={id} id={id} />)}</ul>
    </main>
  )
}

createRoot(document.getElementById('root')!).render(
  <FleetwireProvider client={client}>
    <Page />
  </FleetwireProvider>,
)
