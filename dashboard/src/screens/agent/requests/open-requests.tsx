import { useFleetwire, useInteraction, useInteractionIds } from '@fleetwire/react'
import { Link } from '@tanstack/react-router'
import { toast } from '../../../app/toasts.ts'
import { useShortcuts } from '../../../keys/shortcuts.ts'
import { useMayCommand } from '../../../model/use-may-command.ts'
import { RequestCard } from '../../needs-you/request-card.tsx'
import { keyOption } from '../../needs-you/request-words.ts'

/** Cards are large; a separate page lists all requests. */
const MOST = 10

/** The open requests of this agent, above the composer, in limited height so that the rest stays visible. */
export function OpenRequests({ agentId }: { agentId: string }) {
  const ids = useInteractionIds({ agentId })
  const shown = ids.status === 'ready' ? ids.data : []
  useAnswerKeys(shown.length === 1 ? shown[0] : undefined)
  if (shown.length === 0) return null
  return (
    <section
      aria-label="Open requests"
      className="flex max-h-[40svh] shrink-0 flex-col gap-4 overflow-auto border-t-2 border-needs bg-card px-5 py-3 max-tablet:px-3"
    >
      {shown.slice(0, MOST).map(id => (
        <RequestCard key={id} id={id} />
      ))}
      {shown.length > MOST && (
        <Link to="/needs-you" className="text-accent">
          {`${shown.length - MOST} more in Needs you`}
        </Link>
      )}
    </section>
  )
}

/** A allows and D denies the one open request, unless its risk is high or unknown. */
function useAnswerKeys(id: string | undefined): void {
  const client = useFleetwire()
  const mayCommand = useMayCommand()
  const live = useInteraction(id ?? 'skip')
  const request = live.status === 'ready' ? live.data : undefined
  const answer = (effect: 'allow' | 'deny') => {
    if (request === undefined) return
    const option = keyOption(request, effect)
    if (option === undefined) {
      toast('Use the buttons for this one.', {
        description: 'Requests with high or unknown risk cannot be answered with a key.',
      })
      return
    }
    const digest = request.subject?.digest
    void client.respond({
      ...{ interactionId: request.interactionId, optionId: option.id },
      ...(digest !== undefined && { digest }),
    })
  }
  useShortcuts(
    [
      { keys: 'a', label: 'Allow the request', group: 'Agent', run: () => answer('allow') },
      { keys: 'd', label: 'Deny the request', group: 'Agent', run: () => answer('deny') },
    ],
    mayCommand && request !== undefined,
  )
}
