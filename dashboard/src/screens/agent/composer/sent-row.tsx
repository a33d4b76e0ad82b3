import { useCommand, useConnection, useNow } from '@fleetwire/react'
import { Link } from '@tanstack/react-router'
import { X } from 'lucide-react'
import { useEffect } from 'react'
import { commandStatus, errorText, isOver } from '../../../model/command-status.ts'
import { elapsed, took } from '../../../model/format.ts'
import { IconButton } from '../../../ui/button.tsx'
import { ToneMark } from '../../../ui/status.tsx'
import { forgetSent, type Sent } from './sent-commands.ts'

/** How long an ended command stays, unless it is the last one. */
const ENDED_MS = 15_000

export function SentRow({ agentId, sent, isLast }: { agentId: string; sent: Sent; isLast: boolean }) {
  const { state } = useConnection()
  if (sent.state === 'sent') return <CommandRow agentId={agentId} sent={sent} isLast={isLast} />
  return (
    <Row
      agentId={agentId}
      sent={sent}
      mark={
        sent.state === 'refused' ? (
          <ToneMark tone="bad" className="whitespace-normal!">
            Not sent: {sent.error.message}
          </ToneMark>
        ) : (
          <ToneMark tone={state === 'online' ? 'work' : 'warn'}>
            {state === 'online' ? 'Sending' : 'Will be sent when the connection is back'}
          </ToneMark>
        )
      }
    />
  )
}

interface CommandRowProps {
  agentId: string
  sent: Sent & { state: 'sent' }
  isLast: boolean
}

function CommandRow({ agentId, sent, isLast }: CommandRowProps) {
  const live = useCommand(sent.commandId)
  const now = useNow()
  const command = live.status === 'ready' ? live.data : undefined
  const isDone = !isLast && command !== undefined && isOver(command.status)
  const { key } = sent
  useEffect(() => {
    if (!isDone) return
    const timer = setTimeout(() => forgetSent(agentId, key), ENDED_MS)
    return () => clearTimeout(timer)
  }, [isDone, agentId, key])
  if (command === undefined)
    return <Row agentId={agentId} sent={sent} mark={<ToneMark tone="quiet">Queued</ToneMark>} />
  const { word, tone } = commandStatus(command)
  const { startedAt, endedAt } = command
  const duration =
    startedAt === undefined
      ? ''
      : endedAt === undefined
        ? ` · ${elapsed(now - startedAt)}`
        : ` · ${took(endedAt - startedAt)}`
  const note =
    isOver(command.status) && command.status !== 'succeeded' ? errorText(command.error) : command.progress?.message
  const exit = command.exitCode !== undefined && command.exitCode !== 0 ? ` · exit code ${command.exitCode}` : ''
  return (
    <Row
      agentId={agentId}
      sent={sent}
      commandId={sent.commandId}
      status={command.status}
      mark={
        <ToneMark tone={tone}>
          {word}
          {exit}
          {duration}
        </ToneMark>
      }
      note={note === `exit code ${command.exitCode}` ? undefined : note}
    />
  )
}

interface RowProps {
  agentId: string
  sent: Sent
  mark: React.ReactNode
  note?: string | undefined
  commandId?: string
  status?: string
}

function Row({ agentId, sent, mark, note, commandId, status }: RowProps) {
  return (
    <li
      data-command-id={commandId ?? (sent.state === 'sent' ? sent.commandId : undefined)}
      data-status={status ?? (sent.state === 'sent' ? 'queued' : sent.state)}
      className="flex min-h-7 items-center gap-3 pl-1"
    >
      {commandId === undefined ? (
        <span className="min-w-0 truncate font-mono text-code text-text2">{sent.text}</span>
      ) : (
        <Link
          to="/commands/$commandId"
          params={{ commandId }}
          className="min-w-0 truncate font-mono text-code text-text2 hover:underline"
          title={sent.text}
        >
          {sent.text}
        </Link>
      )}
      {note !== undefined && <span className="min-w-0 flex-1 truncate text-meta text-text3">{note}</span>}
      <span className="ml-auto flex min-w-0 shrink-0 items-center gap-1 max-tablet:shrink">
        {mark}
        <IconButton label={`Hide ${sent.text}`} className="size-6!" onClick={() => forgetSent(agentId, sent.key)}>
          <X size={12} aria-hidden />
        </IconButton>
      </span>
    </li>
  )
}
