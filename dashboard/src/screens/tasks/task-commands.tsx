import { useCommand, useCommandPage } from '@fleetwire/react'
import { Link } from '@tanstack/react-router'
import { commandStatus, commandTitle } from '../../model/command-status.ts'
import { Section } from '../../ui/section.tsx'
import { ToneMark } from '../../ui/status.tsx'

export function TaskCommands({ taskId }: { taskId: string }) {
  const list = useCommandPage({ taskId })
  if (list.ids.status !== 'ready' || list.ids.data.length === 0) return null
  return (
    <Section title="Commands">
      <ul className="divide-y divide-line rounded-card border border-line bg-card">
        {list.ids.data.map(id => (
          <TaskCommand key={id} id={id} />
        ))}
      </ul>
    </Section>
  )
}

function TaskCommand({ id }: { id: string }) {
  const live = useCommand(id)
  if (live.status !== 'ready' || live.data === undefined) return null
  const command = live.data
  const { word, tone } = commandStatus(command)
  return (
    <li data-command-id={id} data-status={command.status}>
      <Link
        to="/commands/$commandId"
        params={{ commandId: id }}
        className="flex min-h-9 items-center gap-3 px-3 hover:bg-hover"
      >
        <span className="min-w-0 flex-1 truncate font-mono text-code">{commandTitle(command)}</span>
        <span className="text-meta text-text3">{command.agentId}</span>
        <ToneMark tone={tone}>{word}</ToneMark>
      </Link>
    </li>
  )
}
