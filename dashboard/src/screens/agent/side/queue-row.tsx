import { useCommand, useFleetwire, useFleetwireRest, useNow } from '@fleetwire/react'
import { Link } from '@tanstack/react-router'
import { ChevronsUp, Pencil, Square, Trash2 } from 'lucide-react'
import type { ReactNode } from 'react'
import { toast } from '../../../app/toasts.ts'
import { commandStatus, commandTitle, type Tone } from '../../../model/command-status.ts'
import { elapsed } from '../../../model/format.ts'
import { IconButton } from '../../../ui/button.tsx'
import { ToneMark } from '../../../ui/status.tsx'

export interface QueueRowProps {
  commandId: string
  /** The position in the queue; negative for running commands. */
  place: number
  mayCommand: boolean
  /** Whether the row carries the data attributes that scripts look for. */
  isMarked: boolean
  /** It is the only running command, so the page's Stop button stops it. */
  isAlone: boolean
  onEdit(commandId: string): void
}

export function QueueRow(props: QueueRowProps) {
  const { commandId, place, mayCommand, isMarked, isAlone } = props
  const live = useCommand(commandId)
  const client = useFleetwire()
  if (live.status !== 'ready' || live.data === undefined) return null
  const command = live.data
  const title = commandTitle(command)
  const { word, tone } = commandStatus(command)
  const marks = isMarked ? { 'data-command-id': commandId, 'data-status': command.status } : {}
  return (
    <li {...marks} className="group flex min-h-8 items-center gap-2 pointer-coarse:min-h-11">
      <span className="w-16 shrink-0 text-meta text-text3 tabular-nums">
        {place < 0 ? (
          <RunningFor since={command.startedAt} word={word} tone={tone} />
        ) : place === 0 ? (
          'Next'
        ) : (
          place + 1
        )}
      </span>
      <Link
        to="/commands/$commandId"
        params={{ commandId }}
        title={title}
        className="min-w-0 flex-1 truncate font-mono text-code hover:underline"
      >
        {title}
      </Link>
      {mayCommand && place >= 0 && <QueuedActions {...props} title={title} />}
      {mayCommand && place < 0 && !isAlone && (
        <Act
          label={`Interrupt ${title}`}
          run={() => void client.interrupt(commandId, undefined, { offline: 'queue' })}
          icon={<Square size={12} fill="currentColor" aria-hidden />}
        />
      )}
    </li>
  )
}

interface RunningForProps {
  since: number | undefined
  word: string
  tone: Tone
}

function RunningFor({ since, word, tone }: RunningForProps) {
  const now = useNow()
  if (since === undefined) return <ToneMark tone={tone}>Sent</ToneMark>
  return (
    <span title={word}>
      <ToneMark tone={tone}>
        <span className="sr-only">{word} for </span>
        {elapsed(now - since)}
      </ToneMark>
    </span>
  )
}

function QueuedActions({ commandId, place, onEdit, title }: QueueRowProps & { title: string }) {
  const rest = useFleetwireRest()
  const done = (what: string) => (result: { ok: true } | { ok: false; error: { message: string } }) => {
    if (!result.ok) toast(`${what}: ${title}`, { description: result.error.message, tone: 'bad' })
  }
  return (
    <>
      {place > 0 && (
        <Act
          label={`Run next: ${title}`}
          icon={<ChevronsUp size={14} aria-hidden />}
          run={() => void rest.commands.edit(commandId, { runNext: true }).then(done('Not moved'))}
        />
      )}
      <Act label={`Edit ${title}`} icon={<Pencil size={13} aria-hidden />} run={() => onEdit(commandId)} />
      <Act
        label={`Drop ${title}`}
        icon={<Trash2 size={13} aria-hidden />}
        run={() => void rest.commands.drop(commandId).then(done('Not dropped'))}
      />
    </>
  )
}

function Act({ label, icon, run }: { label: string; icon: ReactNode; run(): void }) {
  return (
    <IconButton label={label} onClick={run} className="size-6!  pointer-coarse:size-11!">
      {icon}
    </IconButton>
  )
}
