import { useTask, useTaskIds } from '@fleetwire/react'
import { Link } from '@tanstack/react-router'
import { percent } from '../../../model/format.ts'
import { ProgressBar } from '../../../ui/progress-bar.tsx'
import { Quiet, Section } from './section.tsx'

const MOST_SHOWN = 20

export function Tasks({ agentId }: { agentId: string }) {
  const ids = useTaskIds({ agentId })
  if (ids.status !== 'ready') return <Section title="Tasks">{null}</Section>
  return (
    <Section title="Tasks" count={ids.data.length}>
      {ids.data.length === 0 && <Quiet>It is not working on a task.</Quiet>}
      <ul className="flex flex-col gap-1">
        {ids.data.slice(0, MOST_SHOWN).map(id => (
          <TaskRow key={id} id={id} />
        ))}
      </ul>
    </Section>
  )
}

function TaskRow({ id }: { id: string }) {
  const live = useTask(id)
  if (live.status !== 'ready' || live.data === undefined) return null
  const { title, status, progress, message } = live.data
  return (
    <li>
      <Link
        to="/tasks/$taskId"
        params={{ taskId: id }}
        className="-mx-2 flex flex-col gap-1 rounded-control px-2 py-1.5 hover:bg-hover"
      >
        <span className="flex items-baseline gap-2">
          <span className="min-w-0 flex-1 truncate">{title || id}</span>
          <span className="shrink-0 text-meta text-text3 tabular-nums">
            {status === 'running' ? percent(progress) : status}
          </span>
        </span>
        {message !== '' && <span className="truncate text-meta text-text3">{message}</span>}
        <ProgressBar value={progress} label={`Progress of ${title}`} className="w-full rounded-full bg-hover" />
      </Link>
    </li>
  )
}
