import type { Role } from '@fleetwire/protocol'
import { useAction, useFleetwireRest } from '@fleetwire/react'
import { type FormEvent, useState } from 'react'
import { serverUrl } from '../../app/session.ts'
import { Button } from '../../ui/button.tsx'
import { CodeLine } from '../../ui/copy-button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Field, TextInput } from '../../ui/field.tsx'
import { Select } from '../../ui/select.tsx'

const roles: readonly { value: Role; label: string }[] = [
  { value: 'agent', label: 'Agent: connects as this agent' },
  { value: 'viewer', label: 'Viewer: watches' },
  { value: 'operator', label: 'Operator: also commands and answers' },
  { value: 'admin', label: 'Admin: also manages tokens and connections' },
]

const lives = [
  { value: '3600', label: 'an hour' },
  { value: '86400', label: 'a day' },
  { value: '2592000', label: '30 days' },
  { value: '31536000', label: 'a year' },
]

export interface MintTokenProps {
  open: boolean
  onOpenChange(open: boolean): void
  onMinted(): void
}

/** Mints a token and shows it once, with the command that uses it. */
export function MintToken({ open, onOpenChange, onMinted }: MintTokenProps) {
  const rest = useFleetwireRest()
  const [sub, setSub] = useState('')
  const [role, setRole] = useState<Role>('agent')
  const [ttl, setTtl] = useState('2592000')
  const [agents, setAgents] = useState('')
  const [token, setToken] = useState<string>()
  const mint = useAction(async () => {
    const patterns = agents.split(/[\s,]+/).filter(Boolean)
    const result = await rest.tokens.mint({
      ...{ sub: sub.trim(), role, ttlSeconds: Number(ttl) },
      ...(role !== 'agent' && patterns.length > 0 && { agents: patterns }),
    })
    if (result.ok) {
      setToken(result.data.token)
      onMinted()
    }
    return result
  })
  const change = (isOpen: boolean) => {
    onOpenChange(isOpen)
    if (isOpen) return
    setToken(undefined)
    setSub('')
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (sub.trim() !== '') void mint.run()
  }
  const url = serverUrl('.').href.replace(/\/$/, '')
  return (
    <Dialog
      open={open}
      onOpenChange={change}
      title={token === undefined ? 'New token' : `Token for ${sub}`}
      description={token === undefined ? undefined : 'Copy it now: it will not be shown again.'}
      footer={
        token === undefined ? (
          <>
            <Button onClick={() => change(false)}>Cancel</Button>
            <Button look="filled" type="submit" form="mint-token" disabled={sub.trim() === '' || mint.pending}>
              Create token
            </Button>
          </>
        ) : (
          <Button look="filled" onClick={() => change(false)}>
            Done
          </Button>
        )
      }
    >
      {token === undefined ? (
        <form id="mint-token" onSubmit={submit} className="flex flex-col gap-3">
          <Field
            label={role === 'agent' ? 'Agent id' : 'Who'}
            hint={role === 'agent' ? 'Letters, digits, - and _' : 'A name or an email address'}
            error={mint.error?.message}
          >
            <TextInput
              value={sub}
              onChange={event => setSub(event.target.value)}
              autoComplete="off"
              spellCheck={false}
            />
          </Field>
          <Field label="Role">
            <Select<Role> label="Role" value={role} choices={roles} onChange={setRole} />
          </Field>
          {role !== 'agent' && (
            <Field
              label="Agents it may see (optional)"
              hint="Ids separated by commas; * matches any characters. Empty: all."
            >
              <TextInput
                value={agents}
                onChange={event => setAgents(event.target.value)}
                placeholder="build-*, review-2"
              />
            </Field>
          )}
          <Field label="Valid for">
            <Select label="Valid for" value={ttl} choices={lives} onChange={setTtl} />
          </Field>
        </form>
      ) : (
        <div className="flex flex-col gap-3">
          <CodeLine text={token} label="Copy the token" />
          <p className="text-text2">{role === 'agent' ? 'On the agent’s machine:' : 'In a terminal:'}</p>
          <CodeLine
            text={
              role === 'agent'
                ? `FLEETWIRE_URL=${url} FLEETWIRE_TOKEN=${token} npx fleetwire agent exec --id ${sub.trim()}`
                : `FLEETWIRE_URL=${url} FLEETWIRE_TOKEN=${token} npx fleetwire ps`
            }
            label="Copy the command"
          />
        </div>
      )}
    </Dialog>
  )
}
