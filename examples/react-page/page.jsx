// A page of an app that embeds Fleetwire under /fleet (examples/embed.mjs): logged-in users see the fleet, talk to an agent
// and answer its requests. Vite builds it; see examples/README.md.
import { DashboardClient } from '@fleetwire/client'
import {
  FleetwireProvider,
  useAction,
  useAgent,
  useAgentIds,
  useConnection,
  useFleetwire,
  useInteraction,
  useInteractionIds,
  useSession,
  useTranscriptItem,
} from '@fleetwire/react'
import { useState } from 'react'
import { createRoot } from 'react-dom/client'

// The app identifies its user by a cookie, so there is no token. As a function, `token` is called for each attempt, so a
// client whose socket was closed at logout reconnects after the next login.
const client = new DashboardClient({ url: new URL('/fleet', location.href).href, token: () => '' })

function Page() {
  const connection = useConnection()
  const agents = useAgentIds()
  const requests = useInteractionIds()
  const [agentId, choose] = useState()
  return (
    <main>
      <p role="status">{connection.state}</p>
      <ul aria-label="Needs you">
        {requests.data?.map(id => (
          <Request key={id} id={id} />
        ))}
      </ul>
      <ul aria-label="Agents">
        {agents.data?.ids.map(id => (
          <AgentRow key={id} id={id} onChoose={() => choose(id)} />
        ))}
      </ul>
      {agentId !== undefined && <Conversation key={agentId} agentId={agentId} />}
    </main>
  )
}

/** Renders only when its own agent changes. */
function AgentRow({ id, onChoose }) {
  const { data: agent } = useAgent(id)
  if (agent === undefined) return null
  return (
    <li>
      <button type="button" onClick={onChoose}>
        {agent.name}
      </button>{' '}
      {agent.link}, {agent.work}
    </li>
  )
}

function Conversation({ agentId }) {
  const fleetwire = useFleetwire()
  const [sessionId] = useState(() => `page-${crypto.randomUUID()}`)
  const { data: session } = useSession(sessionId)
  const send = useAction(input => fleetwire.submit({ agentId, sessionId, kind: 'prompt', input }))
  return (
    <section aria-label={`Conversation with ${agentId}`}>
      {session?.itemIds.map(itemId => (
        <Item key={itemId} sessionId={sessionId} itemId={itemId} />
      ))}
      <form action={form => void send.run(String(form.get('input')))}>
        <input name="input" aria-label="Prompt" autoComplete="off" />
        <button type="submit" disabled={send.pending}>
          Send
        </button>
      </form>
      {send.error && <p role="alert">{send.error.message}</p>}
    </section>
  )
}

/** Grows while the agent writes. */
function Item({ sessionId, itemId }) {
  const item = useTranscriptItem(sessionId, itemId)
  if (item === undefined) return null
  return <pre data-state={item.state}>{item.kind === 'message' ? item.text : `${item.name} …`}</pre>
}

function Request({ id }) {
  const fleetwire = useFleetwire()
  const { data: request } = useInteraction(id)
  const answer = useAction(optionId => fleetwire.respond({ interactionId: id, optionId }))
  if (request === undefined) return null
  return (
    <li>
      {request.agentId} asks: {request.title}{' '}
      {request.options.map(option => (
        <button key={option.id} type="button" disabled={answer.pending} onClick={() => answer.run(option.id)}>
          {option.label}
        </button>
      ))}
    </li>
  )
}

function Login() {
  const [isIn, enter] = useState(false)
  if (isIn)
    return (
      <FleetwireProvider client={client}>
        <Page />
      </FleetwireProvider>
    )
  const login = async form => {
    const answer = await fetch(`/login/${encodeURIComponent(String(form.get('name')))}`, { method: 'POST' })
    enter(answer.ok)
  }
  return (
    <main>
      <form action={login}>
        <input name="name" aria-label="Name" placeholder="ann" />
        <button type="submit">Log in</button>
      </form>
    </main>
  )
}

createRoot(document.getElementById('root')).render(<Login />)
