import { serverNow, useAction, useCommand, useCommandIds, useFleetwire } from '@fleetwire/react'
import { useEffect, useState } from 'react'
import { type Stopping, stopping } from './stop-proof.ts'

/** How long the result of a stop is shown beside the button; shorter if another command runs, to avoid confusion. */
const PROOF_MS = 30_000
const PROOF_BESIDE_NEXT_MS = 6_000

export interface Stop {
  /** The command that the button stops: the running one that began last. */
  target: string | undefined
  /** How many are running. */
  running: number
  /** The state of the last stop that was requested here. */
  view: Stopping | undefined
  error: { code: string; message: string } | undefined
  stop(): void
}

export function useStop(agentId: string): Stop {
  const client = useFleetwire()
  const running = useCommandIds({ agentId, status: 'running' })
  const dispatched = useCommandIds({ agentId, status: 'dispatched' })
  const ids = [running, dispatched].flatMap(live => (live.status === 'ready' ? live.data : []))
  const [asked, setAsked] = useState<{ commandId: string; at: number }>()
  const record = useCommand(asked?.commandId ?? 'skip')
  const action = useAction((commandId: string) => client.interrupt(commandId, undefined, { offline: 'queue' }))
  const view = asked && stopping(record.status === 'ready' ? record.data : undefined, asked.at)
  const isProved = view?.state === 'ended'
  const target = ids[0]
  const runsNext = target !== undefined && target !== asked?.commandId
  useEffect(() => {
    if (!isProved) return
    const timer = setTimeout(() => setAsked(undefined), runsNext ? PROOF_BESIDE_NEXT_MS : PROOF_MS)
    return () => clearTimeout(timer)
  }, [isProved, runsNext])
  const stop = () => {
    if (target === undefined) return
    setAsked({ commandId: target, at: serverNow() })
    void action.run(target).then(result => {
      if (!result.ok) setAsked(undefined)
    })
  }
  return { target, running: ids.length, view, error: action.error, stop }
}
