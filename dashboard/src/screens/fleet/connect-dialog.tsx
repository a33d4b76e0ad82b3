import { Dialog } from '../../ui/dialog.tsx'
import { ConnectForm } from './connect-form.tsx'
import { closeDialog } from './fleet-dialogs.ts'

export function ConnectDialog() {
  return (
    <Dialog open onOpenChange={closeDialog} title="Connect agent" width={640}>
      <ConnectForm onOpen={closeDialog} />
    </Dialog>
  )
}
