import { useCommand, useNow } from '@fleetwire/react'
import { Square } from 'lucide-react'
import { useRef, useState } from 'react'
import { useShortcuts } from '../../../keys/shortcuts.ts'
import { commandTitle } from '../../../model/command-status.ts'
import { Button } from '../../../ui/button.tsx'
import { Dialog } from '../../../ui/dialog.tsx'
import { ToneMark } from '../../../ui/status.tsx'
import { useStop } from './use-stop.ts'

/** Stops the running command, counts until the agent responds, and then shows whether the stop is confirmed. */
export function StopButton({ agentId, mayStop }: { agentId: string; mayStop: boolean }) {
  const { target, running, view, error, stop } = useStop(agentId)
  const title = useCommand(target ?? 'skip', commandTitle)
  const [isAsking, setIsAsking] = useState(false)
  const confirm = useRef<HTMLButtonElement>(null)
  const what = title.status === 'ready' ? title.data : undefined
  const isStopping = view?.state === 'stopping'
  useShortcuts(
    [{ keys: 's', label: 'Stop the running command', group: 'Agent', run: () => setIsAsking(true) }],
    mayStop && target !== undefined && !isStopping,
  )
  const disabledReason = !mayStop
    ? 'Your token is read-only.'
    : target === undefined
      ? 'Nothing is running.'
      : undefined
  return (
    <>
      <span role="status" aria-label="Stop" className="min-w-0 empty:hidden">
        {error !== undefined && <ToneMark tone="bad">Not stopped: {error.message}</ToneMark>}
        {view?.state === 'ended' && <ToneMark tone={view.tone}>{view.text}</ToneMark>}
      </span>
      <Button
        look={target !== undefined && mayStop ? 'danger-outline' : 'outline'}
        icon={<Square size={12} fill="currentColor" aria-hidden />}
        disabled={disabledReason !== undefined || isStopping}
        title={
          disabledReason ??
          (running > 1 ? `Stops “${what ?? ''}”; ${running - 1} more running.` : `Stops “${what ?? ''}”`)
        }
        onClick={stop}
      >
        {isStopping ? <StoppingFor since={view.since} /> : 'Stop'}
      </Button>
      <Dialog
        open={isAsking}
        onOpenChange={setIsAsking}
        title="Stop this command?"
        initialFocus={confirm}
        footer={
          <>
            <Button onClick={() => setIsAsking(false)}>Leave it running</Button>
            <Button
              ref={confirm}
              look="danger"
              onClick={() => {
                setIsAsking(false)
                stop()
              }}
            >
              Stop it
            </Button>
          </>
        }
      >
        <code className="block font-mono text-code break-words whitespace-pre-wrap">{what}</code>
      </Dialog>
    </>
  )
}

function StoppingFor({ since }: { since: number }) {
  const now = useNow()
  return <>Stopping… {Math.max(0, Math.floor((now - since) / 1000))} s</>
}
