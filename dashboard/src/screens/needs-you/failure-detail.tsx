import { isFinal } from '@fleetwire/protocol'
import {
  useAction,
  useAgent,
  useAgentSummary,
  useCommand,
  useConnection,
  useFleetwireRest,
  useNow,
} from '@fleetwire/react'
import { Link } from '@tanstack/react-router'
import { toast } from '../../app/toasts.ts'
import { commandNotes, commandStatus, commandTitle, errorText } from '../../model/command-status.ts'
import { ago, took } from '../../model/format.ts'
import { mayOperate } from '../../model/rights.ts'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { Loading, Problem, SkeletonLine } from '../../ui/states.tsx'
import { ToneMark } from '../../ui/status.tsx'

export function useRetry(commandId: string, agentId: string) {
  const rest = useFleetwireRest()
  return useAction(async () => {
    const result = await rest.commands.retry(commandId)
    if (!result.ok) return result
    toast('The command is being retried.', { tone: 'ok', href: `/agents/${agentId}` })
    return { ok: true as const }
  })
}

/** A command that did not succeed: what happened, and what the user can do. */
export function FailureDetail({ commandId, onDismiss }: { commandId: string; onDismiss(): void }) {
  const live = useCommand(commandId)
  const now = useNow()
  const { role } = useConnection()
  const command = live.status === 'ready' ? live.data : undefined
  const retry = useRetry(commandId, command?.agentId ?? '')
  if (live.status === 'error') return <Problem title="The command could not be loaded." error={live.error} />
  if (command === undefined) {
    return (
      <Loading>
        <SkeletonLine className="w-64" />
      </Loading>
    )
  }
  const { word, tone } = commandStatus(command)
  const error = errorText(command.error)
  const output = typeof command.output === 'string' ? command.output.trimEnd().split('\n').slice(-20).join('\n') : ''
  return (
    <article data-command-id={commandId} data-status={command.status} className="flex flex-col gap-3">
      <header className="flex flex-wrap items-center gap-2">
        <h2 className="min-w-0 text-title font-semibold break-words">{commandTitle(command)}</h2>
        <ToneMark tone={tone}>
          {word}
          {command.exitCode !== undefined && ` · exit ${command.exitCode}`}
        </ToneMark>
        {command.endedAt !== undefined && (
          <span className="text-meta text-text3 tabular-nums">
            {ago(now - command.endedAt)}
            {command.startedAt !== undefined && `, after ${took(command.endedAt - command.startedAt)}`}
          </span>
        )}
      </header>
      <p className="text-text2">{command.detail ?? commandNotes[command.status]}</p>
      {error !== undefined && <CodeBlock text={error} wraps className="max-h-56 text-bad" />}
      {output !== '' && <LastLines text={output} />}
      <div className="flex flex-wrap gap-2">
        {isFinal(command.status) && mayOperate(role) && (
          <Button look="filled" disabled={retry.pending} onClick={() => void retry.run()}>
            Retry
          </Button>
        )}
        <Button onClick={onDismiss}>Dismiss</Button>
        <Link
          to="/commands/$commandId"
          params={{ commandId }}
          className="inline-flex items-center px-2 font-medium text-accent hover:underline"
        >
          Show its history
        </Link>
      </div>
      {retry.error !== undefined && (
        <p role="alert" className="text-meta text-bad">
          {retry.error.message}
        </p>
      )}
    </article>
  )
}

export function LastLines({ text }: { text: string }) {
  return (
    <figure className="flex flex-col gap-1">
      <figcaption className="text-meta text-text3">Last lines</figcaption>
      <CodeBlock text={text} className="max-h-56" />
    </figure>
  )
}

const quietNeeds = {
  waiting: {
    title: 'is waiting for input',
    text: 'A program in its terminal is waiting for somebody to type.',
    action: 'Open its terminal',
  },
  stalled: {
    title: 'is stalled',
    text: 'It is running a command, but has shown no sign of life for a while.',
    action: 'Take a look',
  },
}

export interface QuietNeedProps {
  kind: keyof typeof quietNeeds
  agentId: string
  detail: string
  onDismiss(): void
}

/** An agent that needs the user but has not asked: it waits for input in its terminal, or its work is stalled. */
export function QuietNeed({ kind, agentId, detail, onDismiss }: QuietNeedProps) {
  const agent = useAgent(agentId, ({ name }) => name)
  const summary = useAgentSummary(agentId)
  const line = summary.status === 'ready' ? summary.data?.lastLine : undefined
  const { title, text, action } = quietNeeds[kind]
  return (
    <article className="flex flex-col gap-3">
      <h2 className="text-title font-semibold">
        {agent.status === 'ready' ? agent.data : agentId} {title}
      </h2>
      <p className="text-text2">{detail === '' ? text : detail}</p>
      {line !== undefined && <LastLines text={line} />}
      <div className="flex flex-wrap gap-2">
        <Link
          to="/agents/$agentId"
          params={{ agentId }}
          search={{ tab: 'terminal' }}
          className="control-height inline-flex items-center rounded-control bg-primary px-3 font-medium text-white hover:brightness-110"
        >
          {action}
        </Link>
        <Button onClick={onDismiss}>Dismiss</Button>
      </div>
    </article>
  )
}
