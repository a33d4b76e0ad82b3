import { useAgentSummary, useAgents, useConnection, useFleetwire } from '@fleetwire/react'
import { useRef, useState } from 'react'
import { toast } from '../../app/toasts.ts'
import { plural } from '../../model/format.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { closeDialog } from './fleet-dialogs.ts'

/** Further agents are only counted. */
const MAX_NAMED = 8

/** Asks for confirmation, then interrupts all commands of these agents. */
export function StopDialog({ ids }: { ids: readonly string[] }) {
  const client = useFleetwire()
  const isOnline = useConnection().state === 'online'
  const live = useAgents({ where: { ids } })
  const [isStopping, setStopping] = useState(false)
  const confirm = useRef<HTMLButtonElement>(null)
  const agents = live.status === 'ready' ? live.data.filter(agent => agent.running.length > 0) : []
  const commandIds = agents.flatMap(agent => agent.running)
  const stop = async () => {
    setStopping(true)
    if (!isOnline) {
      toast('Will be sent when the connection is back', { tone: 'needs' })
      closeDialog()
    }
    const results = await Promise.all(commandIds.map(id => client.interrupt(id, undefined, { offline: 'queue' })))
    const refused = results.find(result => !result.ok)
    closeDialog()
    if (refused === undefined) toast(`Asked ${plural(agents.length, 'agent')} to stop`)
    else toast('Not everything could be stopped', { tone: 'bad', description: refused.error.message })
  }
  if (commandIds.length === 0) {
    return (
      <Dialog
        open
        onOpenChange={closeDialog}
        title="Nothing to stop"
        description={
          ids.length === 1 ? 'This agent is not running a command.' : 'These agents are not running any commands.'
        }
        footer={
          <Button look="filled" onClick={closeDialog}>
            Close
          </Button>
        }
      />
    )
  }
  return (
    <Dialog
      open
      onOpenChange={closeDialog}
      title={agents.length === 1 ? `Stop ${agents[0]!.name}?` : `Stop ${plural(agents.length, 'agent')}?`}
      description={`${plural(commandIds.length, 'command')} will be interrupted. Queued commands stay.`}
      initialFocus={confirm}
      footer={
        <>
          <Button onClick={closeDialog}>Cancel</Button>
          <Button ref={confirm} look="danger" onClick={stop} disabled={isStopping}>
            {isStopping ? 'Stopping…' : isOnline ? 'Stop' : 'Stop when back'}
          </Button>
        </>
      }
    >
      <ul className="flex flex-col gap-1.5">
        {agents.slice(0, MAX_NAMED).map(({ agentId, name }) => (
          <RunningAgent key={agentId} id={agentId} name={name} />
        ))}
        {agents.length > MAX_NAMED && (
          <li className="text-text3">and {plural(agents.length - MAX_NAMED, 'more', 'more')}</li>
        )}
      </ul>
    </Dialog>
  )
}

function RunningAgent({ id, name }: { id: string; name: string }) {
  const live = useAgentSummary(id, summary => summary.current?.title)
  return (
    <li className="flex gap-2 truncate">
      <span className="font-medium">{name}</span>
      <span className="truncate text-text2">{live.status === 'ready' ? live.data : ''}</span>
    </li>
  )
}
