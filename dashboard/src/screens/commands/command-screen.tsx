import type { Command } from '@fleetwire/protocol'
import {
  useAction,
  useCommand,
  useCommandIds,
  useConnection,
  useFleetwire,
  useFleetwireRest,
  useNow,
} from '@fleetwire/react'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { toast } from '../../app/toasts.ts'
import { useShortcuts } from '../../keys/shortcuts.ts'
import { commandNotes, commandStatus, commandTitle, errorText, isOver } from '../../model/command-status.ts'
import { bytes, clockTime, elapsed, took } from '../../model/format.ts'
import { mayOperate } from '../../model/rights.ts'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { cx } from '../../ui/cx.ts'
import { type Fact, Facts } from '../../ui/facts.tsx'
import { Page } from '../../ui/page.tsx'
import { Section } from '../../ui/section.tsx'
import { Empty, Problem } from '../../ui/states.tsx'
import { ToneMark } from '../../ui/status.tsx'
import { TableSkeleton } from '../../ui/table-skeleton.tsx'
import { commandStory } from './command-story.ts'
import { reasonText } from './reasons.ts'
import { useCommandEvents } from './use-command-events.ts'

export function CommandScreen() {
  const { commandId } = useParams({ from: '/commands/$commandId' })
  const live = useCommand(commandId)
  if (live.status === 'error') {
    return (
      <Page title="Command">
        <Problem title="The command could not be loaded." error={live.error} onRetry={() => location.reload()} />
      </Page>
    )
  }
  if (live.status === 'loading') {
    return (
      <Page title="Command">
        <TableSkeleton />
      </Page>
    )
  }
  if (live.data === undefined) {
    return (
      <Page title="Command">
        <Empty title="There is no such command.">
          <p>It may be older than retention, or your token may not see its agent.</p>
          <Link to="/commands" className="font-medium text-accent hover:underline">
            All commands
          </Link>
        </Empty>
      </Page>
    )
  }
  return <CommandPage command={live.data} stale={live.stale} />
}

function CommandPage({ command, stale }: { command: Command; stale: boolean }) {
  const { word, tone } = commandStatus(command)
  const navigate = useNavigate()
  useShortcuts([
    {
      keys: 'escape',
      label: 'Back to the commands',
      group: 'Command',
      keyOnly: true,
      run: () => void navigate({ to: '/commands' }),
    },
  ])
  return (
    <Page title="Command" actions={<Actions command={command} />}>
      <div
        data-command-id={command.commandId}
        data-status={command.status}
        className={cx('grid gap-6 p-5 desktop:grid-cols-[minmax(0,2fr)_minmax(260px,1fr)]', stale && 'stale')}
      >
        <div className="flex min-w-0 flex-col gap-5">
          <header className="flex flex-col gap-1.5">
            <h2 className="font-mono text-title break-words">{commandTitle(command)}</h2>
            <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-text2">
              <ToneMark tone={tone}>{word}</ToneMark>
              <span>{explanation(command)}</span>
            </p>
            <Progress command={command} />
          </header>
          <Story command={command} />
          <Input command={command} />
          <Output command={command} />
        </div>
        <CommandFacts command={command} />
      </div>
    </Page>
  )
}

const explanation = (command: Command): string =>
  command.detail ?? reasonText(command.reason) ?? commandNotes[command.status]

function Progress({ command }: { command: Command }) {
  const { progress } = command
  if (progress === undefined || isOver(command.status)) return null
  const parts = [
    progress.progress !== undefined && `${Math.round(progress.progress * 100)}%`,
    progress.confidence !== undefined && `${Math.round(progress.confidence * 100)}% sure`,
    progress.message,
  ].filter(Boolean)
  return <p className="text-text2 tabular-nums">{parts.join(' · ')}</p>
}

function Story({ command }: { command: Command }) {
  const steps = commandStory(command, useCommandEvents(command))
  return (
    <Section title="History">
      <QueuePlace command={command} />
      <ol className="flex flex-col">
        {steps.map((step, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: past steps are never reordered
          <li key={index} className="grid grid-cols-[76px_16px_minmax(0,1fr)] gap-x-2">
            <time
              title={new Date(step.at).toLocaleString()}
              className="pt-px text-right font-mono text-code text-text3 tabular-nums"
            >
              {clockTime(step.at)}
            </time>
            <span aria-hidden className="flex flex-col items-center">
              <span className={cx('mt-1.5 size-2 shrink-0 rounded-full bg-current', stepColour[step.tone])} />
              {index < steps.length - 1 && <span className="w-px flex-1 bg-line" />}
            </span>
            <div className="pb-3">
              <p className="font-medium">
                {step.title}
                {step.gapMs !== undefined && (
                  <span className="ml-2 text-meta font-normal text-text3 tabular-nums">+{took(step.gapMs)}</span>
                )}
              </p>
              {step.note !== undefined && <p className="text-text2">{step.note}</p>}
            </div>
          </li>
        ))}
      </ol>
    </Section>
  )
}

const stepColour = { ok: 'text-ok', bad: 'text-bad', warn: 'text-warn', work: 'text-work', quiet: 'text-quiet' }

function QueuePlace({ command }: { command: Command }) {
  const queue = useCommandIds({ agentId: command.agentId, status: 'queued', order: 'queue' })
  if (command.status !== 'queued' || queue.status !== 'ready') return null
  const place = queue.data.indexOf(command.commandId)
  if (place < 0) return null
  return (
    <p className="pb-2 text-text2">
      {place === 0 ? 'It is next' : `${place} ${place === 1 ? 'command is' : 'commands are'} ahead of it`} in the queue
      of <AgentLink agentId={command.agentId} />.
    </p>
  )
}

function Input({ command }: { command: Command }) {
  const text = typeof command.input === 'string' ? command.input : JSON.stringify(command.input, null, 2)
  if (!text.includes('\n') && text.length < 120) return null
  return (
    <Section title="Input">
      <CodeBlock text={text} wraps className="max-h-72" />
    </Section>
  )
}

function Output({ command }: { command: Command }) {
  const error = errorText(command.error)
  const { output, outputBytes, outputTruncated, status } = command
  const text = output === undefined ? undefined : typeof output === 'string' ? output : JSON.stringify(output, null, 2)
  return (
    <>
      {error !== undefined && (
        <Section title="Error">
          <CodeBlock text={error} wraps className="max-h-72 text-bad" />
        </Section>
      )}
      {text !== undefined && text !== '' && (
        <Section title="Output">
          {outputTruncated && (
            <p className="pb-1 text-meta text-text3">
              Only the end is kept{outputBytes !== undefined && ` of ${bytes(outputBytes)}`}.
            </p>
          )}
          <CodeBlock text={text} className="max-h-[60vh]" />
        </Section>
      )}
      {isOver(status) && (text === undefined || text === '') && error === undefined && (
        <p className="text-text3">No output.</p>
      )}
    </>
  )
}

function CommandFacts({ command }: { command: Command }) {
  const now = useNow()
  const { startedAt, endedAt, waitedMs } = command
  const rows: Fact[] = [
    ['Agent', <AgentLink key="agent" agentId={command.agentId} />],
    ['Kind', command.kind],
    ['Sent by', command.createdBy],
    ['Created', clockTime(command.createdAt)],
    ...(startedAt === undefined ? [] : [['Ran for', took((endedAt ?? now) - startedAt)] as Fact]),
    ...(waitedMs === undefined ? [] : [['Waited for people', took(waitedMs)] as Fact]),
    ['Attempt', command.attempt],
    ['Priority', command.priority],
    ['If its agent is lost', command.onLost === 'fail' ? 'it ends as lost' : 'it is sent again'],
    ['Waits at most', elapsed(command.queueTtlMs)],
    ['Runs at most', command.runTimeoutMs === 0 ? 'no limit' : elapsed(command.runTimeoutMs)],
    ...related(command),
    [
      'Id',
      <code key="id" className="font-mono text-code break-all">
        {command.commandId}
      </code>,
    ],
  ]
  return (
    <Section title="Details">
      <Facts rows={rows} />
    </Section>
  )
}

function related({ taskId, sessionId, parentId, retryOf, agentId }: Command): Fact[] {
  const link = 'font-medium text-accent hover:underline'
  return [
    ...(taskId === undefined
      ? []
      : [
          [
            'Task',
            <Link key="t" to="/tasks/$taskId" params={{ taskId }} className={link}>
              {taskId}
            </Link>,
          ] as Fact,
        ]),
    ...(sessionId === undefined
      ? []
      : [
          [
            'Session',
            <Link
              key="s"
              to="/agents/$agentId"
              params={{ agentId }}
              search={{ tab: 'conversation', session: sessionId }}
              className={link}
            >
              {sessionId}
            </Link>,
          ] as Fact,
        ]),
    ...(parentId === undefined
      ? []
      : [
          [
            'Batch',
            <Link key="b" to="/commands" search={{ batch: parentId }} className={link}>
              {parentId}
            </Link>,
          ] as Fact,
        ]),
    ...(retryOf === undefined
      ? []
      : [
          [
            'Retry of',
            <Link key="r" to="/commands/$commandId" params={{ commandId: retryOf }} className={link}>
              {retryOf}
            </Link>,
          ] as Fact,
        ]),
  ]
}

function Actions({ command }: { command: Command }) {
  const client = useFleetwire()
  const rest = useFleetwireRest()
  const navigate = useNavigate()
  const { role } = useConnection()
  const { commandId, status } = command
  const stop = useAction(() => client.interrupt(commandId))
  const drop = useAction(() => rest.commands.drop(commandId))
  const retry = useAction(async () => {
    const result = await rest.commands.retry(commandId)
    if (result.ok) void navigate({ to: '/commands/$commandId', params: { commandId: result.data.commandId } })
    return result
  })
  const isStopping = command.cancelRequestedAt !== undefined && !isOver(status)
  const refuse = (action: { run(): Promise<{ ok: boolean; error?: { message: string } }> }) => async () => {
    const result = await action.run()
    if (!result.ok) toast('The request was refused.', { tone: 'bad', description: result.error?.message ?? '' })
  }
  useShortcuts(
    [
      { keys: 's', label: 'Stop this command', group: 'Command', run: () => !isOver(status) && void refuse(stop)() },
      { keys: 'r', label: 'Retry this command', group: 'Command', run: () => isOver(status) && void refuse(retry)() },
    ],
    mayOperate(role),
  )
  if (!mayOperate(role)) return null
  return (
    <>
      {status === 'queued' && <Button onClick={refuse(drop)}>Drop</Button>}
      {(status === 'running' || status === 'dispatched') && (
        <Button look="danger-outline" disabled={isStopping || stop.pending} onClick={refuse(stop)}>
          {isStopping ? 'Stopping…' : 'Stop'}
        </Button>
      )}
      {isOver(status) && (
        <Button look="filled" disabled={retry.pending} onClick={refuse(retry)}>
          Retry
        </Button>
      )}
    </>
  )
}

const AgentLink = ({ agentId }: { agentId: string }) => (
  <Link to="/agents/$agentId" params={{ agentId }} className="font-medium text-accent hover:underline">
    {agentId}
  </Link>
)
