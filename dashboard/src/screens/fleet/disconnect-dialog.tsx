import { useFleetwireRest } from '@fleetwire/react'
import { useRef, useState } from 'react'
import { toast } from '../../app/toasts.ts'
import { plural } from '../../model/format.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { closeDialog } from './fleet-dialogs.ts'

/** Asks for confirmation, then closes the connections of these agents. */
export function DisconnectDialog({ ids }: { ids: readonly string[] }) {
  const rest = useFleetwireRest()
  const [isRunning, setRunning] = useState(false)
  const confirm = useRef<HTMLButtonElement>(null)
  const agents = ids.length === 1 ? ids[0]! : plural(ids.length, 'agent')
  const disconnect = async () => {
    setRunning(true)
    const results = await Promise.all(ids.map(id => rest.agents.disconnect(id)))
    const refused = results.find(result => !result.ok)
    closeDialog()
    if (refused === undefined) toast(`Disconnected ${agents}`)
    else toast('Not every agent could be disconnected', { tone: 'bad', description: refused.error.message })
  }
  return (
    <Dialog
      open
      onOpenChange={closeDialog}
      title={`Disconnect ${agents}?`}
      description="Running commands continue unobserved, and are lost if the agent stays away. It may connect again: to keep it out, revoke its token under System."
      initialFocus={confirm}
      footer={
        <>
          <Button onClick={closeDialog}>Cancel</Button>
          <Button ref={confirm} look="danger" onClick={disconnect} disabled={isRunning}>
            Disconnect
          </Button>
        </>
      }
    />
  )
}
