import type { ExportFormat, Task, TaskAction, WireEvent } from '@fleetwire/protocol'
import { useConnection, useEvents, useFleetwireRest, useTask, useTaskPage } from '@fleetwire/react'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { useState } from 'react'
import { toast } from '../../app/toasts.ts'
import { useShortcuts } from '../../keys/shortcuts.ts'
import { errorText } from '../../model/command-status.ts'
import { clockTime } from '../../model/format.ts'
import { mayOperate } from '../../model/rights.ts'
import { isTaskOver, taskProgressWords, taskStatus } from '../../model/task-status.ts'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { cx } from '../../ui/cx.ts'
import { type Fact, Facts } from '../../ui/facts.tsx'
import { Menu } from '../../ui/menu.tsx'
import { Page } from '../../ui/page.tsx'
import { ProgressBar } from '../../ui/progress-bar.tsx'
import { Section } from '../../ui/section.tsx'
import { Empty, Problem } from '../../ui/states.tsx'
import { ToneMark } from '../../ui/status.tsx'
import { TableSkeleton } from '../../ui/table-skeleton.tsx'
import { saveFile } from './save-file.ts'
import { TaskCommands } from './task-commands.tsx'

export function TaskScreen() {
  const { taskId } = useParams({ from: '/tasks/$taskId' })
  const navigate = useNavigate()
  const live = useTask(taskId)
  useShortcuts([
    {
      keys: 'escape',
      label: 'Back to the tasks',
      group: 'Task',
      keyOnly: true,
      run: () => void navigate({ to: '/tasks' }),
    },
  ])
  if (live.status === 'error') {
    return (
      <Page title="Task">
        <Problem title="The task could not be loaded." error={live.error} onRetry={() => location.reload()} />
      </Page>
    )
  }
  if (live.status === 'loading') {
    return (
      <Page title="Task">
        <TableSkeleton />
      </Page>
    )
  }
  if (live.data === undefined) {
    return (
      <Page title="Task">
        <Empty title="There is no such task.">
          <Link to="/tasks" className="font-medium text-accent hover:underline">
            All tasks
          </Link>
        </Empty>
      </Page>
    )
  }
  const task = live.data
  const { word, tone } = taskStatus[task.status]
  const error = errorText(task.error)
  return (
    <Page title="Task" actions={<Actions task={task} />}>
      <div
        data-task-id={task.taskId}
        data-status={task.status}
        className={cx('grid gap-6 p-5 desktop:grid-cols-[minmax(0,2fr)_minmax(260px,1fr)]', live.stale && 'stale')}
      >
        <div className="flex min-w-0 flex-col gap-5">
          <header className="flex flex-col gap-2">
            <h2 className="text-title font-semibold break-words">{task.title}</h2>
            <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-text2 tabular-nums">
              <ToneMark tone={tone}>{word}</ToneMark>
              <span className="min-w-0 break-words">{taskProgressWords(task)}</span>
            </p>
            <ProgressBar value={task.progress} label="Progress" className="h-1! max-w-md rounded-full bg-line" />
            {task.description !== '' && (
              <p className="max-w-[72ch] break-words whitespace-pre-wrap">{task.description}</p>
            )}
          </header>
          {error !== undefined && (
            <Section title="Error">
              <CodeBlock text={error} wraps className="text-bad" />
            </Section>
          )}
          {task.result !== undefined && (
            <Section title="Result">
              <CodeBlock
                text={typeof task.result === 'string' ? task.result : JSON.stringify(task.result, null, 2)}
                wraps
              />
            </Section>
          )}
          <Parts taskId={task.taskId} />
          <TaskCommands taskId={task.taskId} />
        </div>
        <div className="flex min-w-0 flex-col gap-5">
          <TaskFacts task={task} />
          <History taskId={task.taskId} />
        </div>
      </div>
    </Page>
  )
}

function Parts({ taskId }: { taskId: string }) {
  const parts = useTaskPage({ parentTaskId: taskId })
  if (parts.ids.status !== 'ready' || parts.ids.data.length === 0) return null
  return (
    <Section title="Subtasks">
      <ul className="divide-y divide-line rounded-card border border-line bg-card">
        {parts.ids.data.toReversed().map(id => (
          <Part key={id} id={id} />
        ))}
      </ul>
    </Section>
  )
}

function Part({ id }: { id: string }) {
  const live = useTask(id)
  if (live.status !== 'ready' || live.data === undefined) return null
  const task = live.data
  const { word, tone } = taskStatus[task.status]
  return (
    <li data-task-id={id} data-status={task.status}>
      <Link to="/tasks/$taskId" params={{ taskId: id }} className="flex min-h-9 items-center gap-3 px-3 hover:bg-hover">
        <span className="min-w-0 flex-1 truncate">{task.title}</span>
        <span className="text-meta text-text3 tabular-nums">{Math.round(task.progress * 100)}%</span>
        <ToneMark tone={tone}>{word}</ToneMark>
      </Link>
    </li>
  )
}

function TaskFacts({ task }: { task: Task }) {
  const rows: Fact[] = [
    [
      'Agent',
      task.agentId === undefined ? (
        'none'
      ) : (
        <Link
          key="a"
          to="/agents/$agentId"
          params={{ agentId: task.agentId }}
          className="font-medium text-accent hover:underline"
        >
          {task.agentId}
        </Link>
      ),
    ],
    ...(task.parentTaskId === undefined
      ? []
      : [
          [
            'Parent task',
            <Link
              key="p"
              to="/tasks/$taskId"
              params={{ taskId: task.parentTaskId }}
              className="font-medium text-accent hover:underline"
            >
              {task.parentTaskId}
            </Link>,
          ] as Fact,
        ]),
    ['Created', clockTime(task.createdAt)],
    ...(task.startedAt === undefined ? [] : [['Started', clockTime(task.startedAt)] as Fact]),
    ['Updated', clockTime(task.updatedAt)],
    ...(task.endedAt === undefined ? [] : [['Ended', clockTime(task.endedAt)] as Fact]),
    ...Object.entries(task.labels).map(([name, value]): Fact => [name, value]),
    [
      'Id',
      <code key="i" className="font-mono text-code break-all">
        {task.taskId}
      </code>,
    ],
  ]
  return (
    <Section title="Details">
      <Facts rows={rows} />
    </Section>
  )
}

const MOST_EVENTS = 50

/** The latest events of the task, including those that backends published for it. */
function History({ taskId }: { taskId: string }) {
  const rest = useFleetwireRest()
  const [events, setEvents] = useState<readonly WireEvent[]>([])
  const topics = [`tasks.${taskId}.events`, `tasks.${taskId}.status`]
  const add = (more: readonly WireEvent[]) =>
    setEvents(before => {
      const all = new Map([...before, ...more].map(event => [event.cursor, event]))
      return [...all.values()].toSorted((a, b) => b.at - a.at).slice(0, MOST_EVENTS)
    })
  useEvents(
    topics,
    event => add([event as WireEvent]),
    async () => {
      const page = await rest.events.list({ topics, limit: MOST_EVENTS })
      if (page.ok) add(page.data.items as unknown as WireEvent[])
    },
  )
  if (events.length === 0) return null
  return (
    <Section title="What happened">
      <ol className="flex flex-col gap-1">
        {events.map(event => (
          <li key={event.cursor} className="grid grid-cols-[76px_minmax(0,1fr)] gap-2">
            <time className="font-mono text-code text-text3 tabular-nums">{clockTime(event.at)}</time>
            <span className="truncate" title={JSON.stringify(event.payload)}>
              {eventWords(event)}
            </span>
          </li>
        ))}
      </ol>
    </Section>
  )
}

function eventWords({ type, payload }: WireEvent): string {
  const name = type.replace(/^(task|custom):/, '')
  if (!type.startsWith('task:')) return name
  const task = payload as unknown as Task
  return name === 'progress' || name === 'updated' ? taskProgressWords(task) : name
}

const actions: readonly { action: TaskAction; label: string; when: readonly Task['status'][] }[] = [
  { action: 'start', label: 'Start', when: ['pending', 'paused'] },
  { action: 'pause', label: 'Pause', when: ['running'] },
  { action: 'complete', label: 'Complete', when: ['running', 'paused'] },
  { action: 'cancel', label: 'Cancel', when: ['pending', 'running', 'paused'] },
]

function Actions({ task }: { task: Task }) {
  const rest = useFleetwireRest()
  const { role } = useConnection()
  const act = async (action: TaskAction) => {
    const result = await rest.tasks.act(task.taskId, action)
    if (!result.ok) toast('The request was refused.', { tone: 'bad', description: result.error.message })
  }
  const save = async (format: ExportFormat) => {
    const file = await rest.tasks.exportOne(task.taskId, format)
    if (file.ok) saveFile(file.data, `${task.taskId}.${format}`)
    else toast('The export failed.', { tone: 'bad', description: file.error.message })
  }
  return (
    <>
      {mayOperate(role) &&
        !isTaskOver(task.status) &&
        actions
          .filter(({ when }) => when.includes(task.status))
          .map(({ action, label }) => (
            <Button key={action} onClick={() => void act(action)}>
              {label}
            </Button>
          ))}
      <Menu
        trigger={<Button icon={<Download size={14} aria-hidden />}>Export</Button>}
        items={(['csv', 'json', 'md'] as const).map(format => ({
          label: format.toUpperCase(),
          onSelect: () => void save(format),
        }))}
      />
    </>
  )
}
