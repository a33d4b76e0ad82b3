import type { BatchBody } from '@fleetwire/protocol'
import {
  type AgentFilter,
  useAction,
  useAgentFacets,
  useAgentIds,
  useConnection,
  useFleetwire,
  useFleetwireRest,
} from '@fleetwire/react'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, type KeyboardEvent, type RefObject, useEffect, useRef, useState } from 'react'
import { usePreferences, withEntry } from '../../app/preferences.ts'
import { whenOnline } from '../../app/when-online.ts'
import { count, plural } from '../../model/format.ts'
import { Button } from '../../ui/button.tsx'
import { cx } from '../../ui/cx.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Field, TextArea, TextInput } from '../../ui/field.tsx'
import { Select } from '../../ui/select.tsx'
import { closeDialog, openDialog } from './fleet-dialogs.ts'
import { clearSelection, useFleetSelection } from './fleet-selection.ts'
import { LabelPicker } from './label-picker.tsx'
import { filterOf, limitOf, type SendTarget, selectorOf } from './send-target.ts'
import { useFleet } from './use-fleet.ts'

const route = getRouteApi('/')
const FORM = 'send-to-many'
/** Not a possible id of an agent. */
const DRAFT = ' fleet'

type To = 'selected' | 'shown' | 'labels'

/** Sends one command to many agents. `ids`: the agents it was opened for. */
export function SendDialog({ ids: given }: { ids?: readonly string[] | undefined }) {
  const selected = useFleetSelection(state => state.selected)
  const { q, status } = route.useSearch()
  const { index } = useFleet({ q, status, freeze: false })
  const shown = index.status === 'ready' ? index.data.ids : []
  const chosen = given ?? [...selected]
  const [to, setTo] = useState<To>(
    chosen.length > 0 ? 'selected' : q !== undefined || status !== undefined ? 'shown' : 'labels',
  )
  const [labels, setLabels] = useState<readonly (readonly [string, string])[]>([['', '']])
  const target: SendTarget =
    to === 'labels' ? { type: 'labels', labels } : { type: 'ids', ids: to === 'selected' ? chosen : shown }
  return (
    <SendForm
      target={target}
      picker={
        <>
          <Select<To>
            label="To"
            value={to}
            onChange={setTo}
            choices={[
              ...(chosen.length > 0
                ? [{ value: 'selected' as const, label: `Selected agents (${count(chosen.length)})` }]
                : []),
              { value: 'shown', label: `All shown (${count(shown.length)})` },
              { value: 'labels', label: 'Agents with labels' },
            ]}
          />
          {to === 'labels' && <LabelPicker labels={labels} onChange={setLabels} />}
        </>
      }
    />
  )
}

function SendForm({ target, picker }: { target: SendTarget; picker: React.ReactNode }) {
  const rest = useFleetwireRest()
  const facets = useAgentFacets()
  const kinds = [...new Set(['shell', 'prompt', ...(facets.status === 'ready' ? facets.data.kinds : [])])]
  const [kind, setKind] = useState('shell')
  const input = usePreferences(state => state.drafts[DRAFT] ?? '')
  const setInput = (text: string) => {
    const { drafts, set } = usePreferences.getState()
    set({ drafts: withEntry(drafts, DRAFT, text) })
  }
  const [wave, setWave] = useState('')
  const [failures, setFailures] = useState('')
  const [isChecked, setChecked] = useState(false)
  const command = useRef<HTMLTextAreaElement>(null)
  const filter = filterOf(target)
  const agents = useCount(filter)
  const away = useCount({ ...filter, link: 'offline' })
  const maxParallel = limitOf(wave)
  const stopOnFailures = limitOf(failures)
  const client = useFleetwire()
  const isOnline = useConnection().state === 'online'
  const closed = useClosed()
  const send = useAction(async (body: BatchBody) => {
    // Closing the dialog cancels what was not sent yet.
    if (!(await whenOnline(client, closed.current.signal))) return NOT_SENT
    return rest.batches.submit(body)
  })
  const submit = async (event?: FormEvent) => {
    event?.preventDefault()
    setChecked(true)
    if (input.trim() === '') command.current?.focus()
    if (input.trim() === '' || agents === 0 || maxParallel === 'invalid' || stopOnFailures === 'invalid') return
    const result = await send.run({
      selector: selectorOf(target),
      command: { kind, input },
      ...(maxParallel !== undefined && { maxParallel }),
      ...(stopOnFailures !== undefined && { stopOnFailures }),
    })
    if (!result.ok) return
    setInput('')
    clearSelection()
    openDialog({ type: 'batch', parentId: result.data.parentId })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) void submit()
  }
  const limitError = (limit: typeof maxParallel) =>
    limit === 'invalid' && 'Enter a whole number from 1, or leave it empty.'
  return (
    <Dialog
      open
      onOpenChange={closeDialog}
      title="Send to many"
      description="One command per agent. It is stored for all of them before the first one runs it."
      width={600}
      initialFocus={command}
      footer={
        <>
          {send.error !== undefined && (
            <p role="alert" className="mr-auto text-bad">
              {send.error.message}
            </p>
          )}
          <Button onClick={closeDialog}>Cancel</Button>
          <Button type="submit" form={FORM} look="filled" disabled={send.pending || agents === 0}>
            {sendLabel(agents, send.pending, isOnline)}
          </Button>
        </>
      }
    >
      <form id={FORM} onSubmit={submit} className="flex flex-col gap-4">
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-1 text-meta font-medium text-text2">To</legend>
          <div className="flex flex-wrap items-center gap-2">{picker}</div>
          <p className={cx('text-meta', agents === 0 ? 'text-warn' : 'text-text3')}>
            {agents === 0 ? 'No agents are selected.' : plural(agents, 'agent')}
            {away > 0 && `, ${count(away)} of them offline, where it waits in the queue.`}
          </p>
        </fieldset>
        <div className="flex flex-col gap-2">
          <Field label="Command" error={isChecked && input.trim() === '' && 'Enter a command first.'}>
            <TextArea
              ref={command}
              rows={4}
              value={input}
              onChange={event => setInput(event.target.value)}
              onKeyDown={onKeyDown}
              spellCheck={kind !== 'shell'}
              placeholder={kind === 'shell' ? 'npm test' : 'What should they do?'}
              className={cx('resize-y', kind === 'shell' && 'font-mono text-code')}
            />
          </Field>
          <Select
            label="Kind"
            prefix="Kind"
            value={kind}
            onChange={setKind}
            choices={kinds.map(name => ({ value: name, label: name }))}
            className="self-start"
          />
        </div>
        <div className="grid gap-4 tablet:grid-cols-2">
          <Field label="Wave size: agents at once" hint="Empty: all at once." error={limitError(maxParallel)}>
            <TextInput
              inputMode="numeric"
              placeholder="All"
              value={wave}
              onChange={event => setWave(event.target.value)}
            />
          </Field>
          <Field label="Stop after failures" hint="Empty: never." error={limitError(stopOnFailures)}>
            <TextInput
              inputMode="numeric"
              placeholder="Never"
              value={failures}
              onChange={event => setFailures(event.target.value)}
            />
          </Field>
        </div>
      </form>
    </Dialog>
  )
}

const NOT_SENT = { ok: false, error: { code: 'stopped', message: 'It was not sent.', retryable: true } } as const

/** Aborted when the component unmounts. */
function useClosed(): RefObject<AbortController> {
  const controller = useRef(new AbortController())
  useEffect(() => {
    // StrictMode unmounts and mounts components again.
    if (controller.current.signal.aborted) controller.current = new AbortController()
    return () => controller.current.abort()
  }, [])
  return controller
}

function sendLabel(agents: number, isPending: boolean, isOnline: boolean): string {
  if (isPending) return isOnline ? 'Sending…' : 'Will be sent when the connection is back'
  return agents === 0 ? 'Send' : `Send to ${plural(agents, 'agent')}${isOnline ? '' : ' when back'}`
}

function useCount(where: AgentFilter): number {
  const index = useAgentIds({ where })
  return index.status === 'ready' ? index.data.ids.length : 0
}
