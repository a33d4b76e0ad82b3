import type { Agent } from '@fleetwire/protocol'
import { useCommandIds } from '@fleetwire/react'
import { useState } from 'react'
import { useMayCommand } from '../../../model/use-may-command.ts'
import { useSent } from '../composer/sent-commands.ts'
import { EditCommand } from './edit-command.tsx'
import { QueueRow } from './queue-row.tsx'
import { Quiet, Section } from './section.tsx'

/** Further commands are only counted. */
const MOST_SHOWN = 50

/** The running commands, then the queued ones in the order in which they will run. */
export function Queue({ agent }: { agent: Agent }) {
  const { agentId } = agent
  const running = useCommandIds({ agentId, status: ['running', 'dispatched'] })
  const queued = useCommandIds({ agentId, status: 'queued', order: 'queue' })
  const sent = useSent(agentId)
  const mayCommand = useMayCommand()
  const [editing, setEditing] = useState<string>()
  if (running.status === 'error') return <Section title="Queue">{<Quiet>{running.error.message}</Quiet>}</Section>
  if (running.status === 'loading' || queued.status !== 'ready') return <Section title="Queue">{null}</Section>
  const rows = [...running.data, ...queued.data.slice(0, MOST_SHOWN)]
  const hidden = queued.data.length - MOST_SHOWN
  // Only one element per command carries its status for scripts: the row above the composer, if there is one.
  const isAbove = (id: string) => sent.some(one => one.state === 'sent' && one.commandId === id)
  return (
    <Section title="Queue" count={queued.data.length}>
      {rows.length === 0 && (
        <Quiet>
          {agent.link === 'offline'
            ? 'Nothing is queued. What you send waits here until the agent is back.'
            : 'Nothing is queued.'}
        </Quiet>
      )}
      <ol className="flex flex-col">
        {rows.map((id, index) => (
          <QueueRow
            key={id}
            commandId={id}
            place={index - running.data.length}
            mayCommand={mayCommand}
            isMarked={!isAbove(id)}
            isAlone={running.data.length < 2}
            onEdit={setEditing}
          />
        ))}
      </ol>
      {hidden > 0 && <Quiet>And {hidden} more</Quiet>}
      <EditCommand commandId={editing} onClose={() => setEditing(undefined)} />
    </Section>
  )
}
