import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { BatchPanel } from '../batch/batch-panel.tsx'
import { ConnectDialog } from './connect-dialog.tsx'
import { DisconnectDialog } from './disconnect-dialog.tsx'
import { closeDialog, openDialog, useFleetDialog } from './fleet-dialogs.ts'
import { SendDialog } from './send-dialog.tsx'
import { StopDialog } from './stop-dialog.tsx'

/** The open dialog of the fleet, if any. */
export function FleetDialogs() {
  const dialog = useFleetDialog(state => state.dialog)
  // Close the dialog when the user leaves the screen.
  useEffect(() => closeDialog, [])
  switch (dialog?.type) {
    case undefined:
      return null
    case 'send':
      return <SendDialog ids={dialog.ids} />
    case 'batch':
      return <BatchDialog parentId={dialog.parentId} />
    case 'stop':
      return <StopDialog ids={dialog.ids} />
    case 'disconnect':
      return <DisconnectDialog ids={dialog.ids} />
    case 'connect':
      return <ConnectDialog made={dialog.made} />
    default:
      return dialog satisfies never
  }
}

function BatchDialog({ parentId }: { parentId: string }) {
  const navigate = useNavigate()
  return (
    <Dialog
      open
      onOpenChange={closeDialog}
      title="Sent to many"
      width={760}
      footer={
        <>
          <Button onClick={() => void navigate({ to: '/commands', search: { batch: parentId } })}>
            Show in Commands
          </Button>
          <Button look="filled" onClick={closeDialog}>
            Done
          </Button>
        </>
      }
    >
      <BatchPanel parentId={parentId} onRetried={next => openDialog({ type: 'batch', parentId: next })} />
    </Dialog>
  )
}
