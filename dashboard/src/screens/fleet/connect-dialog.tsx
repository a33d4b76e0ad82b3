import { useState } from 'react'
import { Dialog } from '../../ui/dialog.tsx'
import { ConnectForm, StartAgent } from './connect-form.tsx'
import { closeDialog, type MadeToken } from './fleet-dialogs.ts'

/** Mints a token, shows once how to start the agent with it, and reports when the agent has connected. */
export function ConnectDialog({ made: before }: { made?: MadeToken | undefined }) {
  const [made, setMade] = useState(before)
  return (
    <Dialog open onOpenChange={closeDialog} title="Connect agent" width={640}>
      {made === undefined ? (
        <ConnectForm onMade={setMade} />
      ) : (
        <StartAgent {...made} onOpen={closeDialog} onAnother={() => setMade(undefined)} />
      )}
    </Dialog>
  )
}
