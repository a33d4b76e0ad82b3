import { useAction, useAgent, useConnection, useFleetwireRest } from '@fleetwire/react'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { serverUrl } from '../../app/session.ts'
import { mayAdminister } from '../../model/rights.ts'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { CodeLine, CopyButton } from '../../ui/copy-button.tsx'
import { Field, TextInput } from '../../ui/field.tsx'
import { ToneMark } from '../../ui/status.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { execCommand, idProblem, sdkSnippet } from './connect-texts.ts'
import type { MadeToken } from './fleet-dialogs.ts'

/** Mints a token for one agent. Users who may not do so are told whom to ask. */
export function ConnectForm({ onMade }: { onMade(made: MadeToken): void }) {
  const { role } = useConnection()
  if (role === undefined) return null
  return mayAdminister(role) ? <IdForm onMade={onMade} /> : <AskAdmin />
}

function AskAdmin() {
  return (
    <div className="flex flex-col gap-3 text-left text-text2">
      <p>
        An agent needs its own token, and your token cannot create one. Ask somebody with the role admin, or with shell
        access to the server, to run:
      </p>
      <CodeLine text="npx fleetwire token --role agent --sub my-agent" />
      <p>Then start the agent with it:</p>
      <CodeLine text={execCommand({ url: ownUrl(), token: '<token>', id: 'my-agent' })} />
    </div>
  )
}

const ownUrl = (): string => serverUrl('.').href.replace(/\/$/, '')

function IdForm({ onMade }: { onMade(made: MadeToken): void }) {
  const rest = useFleetwireRest()
  const [id, setId] = useState('my-agent')
  const field = useRef<HTMLInputElement>(null)
  const known = useAgent(idProblem(id) === undefined ? id : 'skip', agent => agent.link)
  const link = known.status === 'ready' ? known.data : undefined
  const mint = useAction((sub: string) => rest.tokens.mint({ sub, role: 'agent' }))
  const problem = idProblem(id)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (problem !== undefined) {
      field.current?.focus()
      return
    }
    const result = await mint.run(id)
    if (result.ok) onMade({ id, token: result.data.token })
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-3 text-left">
      <Field
        label="Agent id"
        error={problem ?? mint.error?.message}
        hint={
          link === undefined
            ? 'Its address in the fleet; it stays the same across restarts.'
            : link === 'offline'
              ? 'This agent has connected before. It gets a new token and keeps its history.'
              : 'This agent is online. A second process with this id would take its place.'
        }
      >
        <div className="flex gap-2">
          <TextInput
            ref={field}
            value={id}
            onChange={event => setId(event.target.value)}
            autoComplete="off"
            spellCheck={false}
            className="font-mono"
          />
          <Button type="submit" look="filled" disabled={mint.pending}>
            {mint.pending ? 'Creating…' : 'Create token'}
          </Button>
        </div>
      </Field>
    </form>
  )
}

/** How to start an agent with the token that was just minted. */
export function StartAgent({ id, token, onOpen, onAnother }: MadeToken & { onOpen(): void; onAnother(): void }) {
  const [tab, setTab] = useState<'shell' | 'sdk'>('shell')
  const url = ownUrl()
  return (
    <div className="flex flex-col gap-3 text-left">
      <p className="text-text2">
        Run this where the agent should work. The token is shown only once; whoever has it can act as{' '}
        <span className="font-medium text-text">{id}</span>.
      </p>
      <div className="flex flex-col rounded-card border border-line">
        <Tabs<'shell' | 'sdk'>
          label="How to start it"
          value={tab}
          onChange={setTab}
          tabs={[
            {
              value: 'shell',
              label: 'A machine',
              content: (
                <Snippet
                  text={execCommand({ url, token, id })}
                  wraps
                  note="Needs Node 20. It runs shell commands as the user who starts it."
                />
              ),
            },
            {
              value: 'sdk',
              label: 'Your own program',
              content: <Snippet text={sdkSnippet({ url, token, id })} note="npm install @fleetwire/client" />,
            },
          ]}
        />
      </div>
      <Arrival id={id} onOpen={onOpen} />
      <Button look="quiet" className="self-start" onClick={onAnother}>
        Connect another agent
      </Button>
    </div>
  )
}

function Snippet({ text, note, wraps = false }: { text: string; note: string; wraps?: boolean }) {
  return (
    <div data-copy-block className="flex flex-col gap-2 p-3">
      <CodeBlock text={text} wraps={wraps} className="max-h-64" />
      <div className="flex items-center justify-between gap-3">
        <p className="text-meta text-text3">{note}</p>
        <CopyButton text={text} />
      </div>
    </div>
  )
}

/** Waits for the agent to connect. If it was online already, only a new connection counts. */
function Arrival({ id, onOpen }: { id: string; onOpen(): void }) {
  const live = useAgent(
    id,
    ({ link, connectedAt }) => ({ link, connectedAt }),
    (a, b) => a.link === b.link && a.connectedAt === b.connectedAt,
  )
  const agent = live.status === 'ready' ? live.data : undefined
  const before = useRef(agent?.connectedAt)
  const [hasCome, setCome] = useState(false)
  useEffect(() => {
    if (agent !== undefined && agent.link === 'online' && agent.connectedAt !== before.current) setCome(true)
  }, [agent])
  return (
    <div role="status" className="flex min-h-8 items-center gap-3">
      {hasCome ? (
        <>
          <ToneMark tone="ok">Connected</ToneMark>
          <Link
            to="/agents/$agentId"
            params={{ agentId: id }}
            onClick={onOpen}
            className="font-medium text-accent hover:underline"
          >
            Open {id}
          </Link>
        </>
      ) : (
        <ToneMark tone="work">Waiting for {id} …</ToneMark>
      )}
    </div>
  )
}
