import type { Agent } from '@fleetwire/protocol'
import { useConnection, useFleetwire, useFleetwireRest } from '@fleetwire/react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { isComposing } from '../../../keys/is-composing.ts'
import { shownKeys, useShortcuts } from '../../../keys/shortcuts.ts'
import { Button } from '../../../ui/button.tsx'
import { Checkbox } from '../../../ui/checkbox.tsx'
import { textareaClass } from '../../../ui/field.tsx'
import { Select } from '../../../ui/select.tsx'
import { usePhone } from '../../../ui/use-phone.ts'
import { BUILT_IN_KINDS, inputOf, kindLabel } from './command-input.ts'
import { emptyHistory, historyOf, shownEntry, step } from './input-history.ts'
import { addSent, settleSent, useSent } from './sent-commands.ts'
import { SentRow } from './sent-row.tsx'
import { useDraft } from './use-draft.ts'

const MOST_LINES = 8

export interface ComposerProps {
  agent: Agent
  mayCommand: boolean
  /** The shown conversation, which prompts continue. */
  sessionId: string | undefined
}

export function Composer({ agent, mayCommand, sessionId }: ComposerProps) {
  const { agentId } = agent
  const client = useFleetwire()
  const connection = useConnection()
  const [text, setText] = useDraft(agentId)
  const kinds: readonly string[] = agent.capabilities.kinds ?? BUILT_IN_KINDS
  const [chosen, setChosen] = useState<string>()
  const kind = chosen !== undefined && kinds.includes(chosen) ? chosen : (kinds[0] ?? 'shell')
  const [interrupts, setInterrupts] = useState(false)
  const field = useRef<HTMLTextAreaElement>(null)
  const sent = useSent(agentId)
  const isPhone = usePhone()
  const isBusy = agent.running.length > 0
  const note = hint(agent, connection.state === 'online', isBusy, isPhone)
  const walk = useHistory(agentId, field, setText)
  useShortcuts([{ keys: 'c', label: 'Write a command', group: 'Agent', run: () => field.current?.focus() }], mayCommand)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height depends on the text
  useEffect(() => grow(field.current), [text])

  const send = (interrupt: boolean) => {
    const input = text.trim()
    if (input === '' || !mayCommand) return
    const key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`
    addSent(agentId, { state: 'sending', key, text: input, kind })
    setText('')
    walk.reset()
    setInterrupts(false)
    const request = {
      ...{ agentId, kind, input: inputOf(kind, input) as string },
      ...(interrupt && { whenBusy: 'interrupt' as const }),
      ...(kind === 'prompt' && sessionId !== undefined && { sessionId }),
    }
    void client.submit(request, { offline: 'queue' }).then(result => {
      if (result.ok) settleSent(agentId, key, { state: 'sent', commandId: result.command.commandId })
      else {
        settleSent(agentId, key, { state: 'refused', error: result.error })
        // Put the text back, unless the user is already writing something else.
        setText(now => (now === '' ? input : now))
      }
    })
  }

  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (isComposing(event.nativeEvent)) return
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      send(interrupts || event.metaKey || event.ctrlKey)
    } else if (event.key === 'Escape') event.currentTarget.blur()
    else walk.onKey(event)
  }

  if (!mayCommand) {
    return <Bar>{<p className="py-1.5 text-text3">Your token may watch this agent but not command it.</p>}</Bar>
  }
  return (
    <Bar>
      {sent.length > 0 && (
        <ul aria-label="Sent from here" className="mb-1">
          {sent.map((one, index) => (
            <SentRow key={one.key} agentId={agentId} sent={one} isLast={index === sent.length - 1} />
          ))}
        </ul>
      )}
      <div className="flex items-end gap-2 max-tablet:flex-wrap">
        {kinds.length > 1 && (
          <Select
            label="Kind"
            value={kind}
            choices={kinds.map(value => ({ value, label: kindLabel(value) }))}
            onChange={setChosen}
            className="max-w-36"
          />
        )}
        <textarea
          ref={field}
          aria-label="Command"
          rows={1}
          value={text}
          spellCheck={kind !== 'shell'}
          autoCapitalize="off"
          autoCorrect="off"
          placeholder={placeholder(agent, kind, isPhone)}
          onChange={event => {
            setText(event.target.value)
            walk.reset()
          }}
          onKeyDown={onKey}
          className={`${textareaClass} min-h-[30px] min-w-0 flex-1 resize-none py-1! ${kind === 'prompt' ? '' : 'font-mono text-code!'} pointer-coarse:min-h-11 pointer-coarse:py-2.5! pointer-coarse:text-[16px]!`}
        />
        <Button look="filled" disabled={text.trim() === ''} onClick={() => send(interrupts)}>
          Send
        </Button>
      </div>
      <div className="mt-1 flex flex-wrap items-center gap-x-4 text-meta text-text3 empty:hidden tablet:min-h-6">
        {note !== '' && <span className="min-w-0 truncate max-tablet:whitespace-normal">{note}</span>}
        {isBusy && (
          <span className="ml-auto">
            <Checkbox
              checked={interrupts}
              onChange={setInterrupts}
              label={
                isPhone ? 'Interrupt the running command' : `Interrupt the running command (${shownKeys('mod+enter')})`
              }
            />
          </span>
        )}
      </div>
    </Bar>
  )
}

function Bar({ children }: { children: React.ReactNode }) {
  return (
    <section aria-label="Composer" className="shrink-0 border-t border-line px-5 pt-2 pb-1.5 max-tablet:px-3">
      {children}
    </section>
  )
}

/** Short on a phone, where it must not wrap and make the field taller. */
function placeholder({ name }: Agent, kind: string, isShort: boolean): string {
  if (kind === 'shell') return isShort ? 'Shell command' : `A shell command for ${name}`
  if (kind === 'prompt') return isShort ? 'Prompt' : `Ask ${name}`
  if (isShort) return kindLabel(kind)
  return `Input of a ${kind} command, text or JSON`
}

/** What happens to input that is sent now; on a phone only if it is unusual. */
function hint(agent: Agent, isOnline: boolean, isBusy: boolean, isShort: boolean): string {
  if (!isOnline) return 'Not connected: what you send is sent when the connection is back.'
  if (agent.link === 'offline') return 'The agent is offline: commands wait in its queue until it is back.'
  if (isShort) return ''
  return isBusy
    ? 'Enter sends; it waits in the queue until the agent is free.'
    : 'Enter sends, Shift+Enter starts a new line, ↑ recalls earlier input.'
}

/** Makes the field as tall as its text, up to a limit. */
function grow(field: HTMLTextAreaElement | null): void {
  if (field === null) return
  field.style.height = 'auto'
  const line = 20
  field.style.height = `${Math.min(field.scrollHeight + 2, MOST_LINES * line + 10)}px`
}

/** ↑ and ↓ walk through earlier inputs of the agent, which are loaded at the first ↑. */
function useHistory(
  agentId: string,
  field: React.RefObject<HTMLTextAreaElement | null>,
  setText: (text: string) => void,
) {
  const rest = useFleetwireRest()
  const history = useRef(emptyHistory)
  // biome-ignore lint/correctness/useExhaustiveDependencies: each agent has its own history
  useEffect(() => {
    history.current = emptyHistory
  }, [agentId])
  const go = (by: 1 | -1): boolean => {
    const next = step(history.current, by)
    if (next === undefined) return false
    history.current = next
    setText(shownEntry(next))
    requestAnimationFrame(() =>
      field.current?.setSelectionRange(field.current.value.length, field.current.value.length),
    )
    return true
  }
  const begin = async (draft: string) => {
    const page = await rest.commands.list({ agentId, limit: 100 })
    if (!page.ok || field.current?.value !== draft) return
    history.current = historyOf(
      page.data.items.map(({ input }) => (typeof input === 'string' ? input : JSON.stringify(input))),
      draft,
    )
    go(1)
  }
  return {
    reset: () => {
      history.current = emptyHistory
    },
    onKey: (event: KeyboardEvent<HTMLTextAreaElement>) => {
      const { value, selectionStart, selectionEnd } = event.currentTarget
      if (selectionStart !== selectionEnd || event.altKey || event.metaKey || event.ctrlKey || event.shiftKey) return
      if (event.key === 'ArrowUp' && !value.slice(0, selectionStart).includes('\n')) {
        event.preventDefault()
        if (history.current.at === -1 && !go(1)) void begin(value)
        else if (history.current.at >= 0) go(1)
      } else if (event.key === 'ArrowDown' && history.current.at >= 0 && !value.slice(selectionEnd).includes('\n')) {
        event.preventDefault()
        go(-1)
      }
    },
  }
}
