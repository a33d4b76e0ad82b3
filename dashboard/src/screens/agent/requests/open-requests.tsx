import { useInteractionIds } from '@fleetwire/react'
import { RequestCard } from '../../needs-you/request-card.tsx'

/** What this agent asks, above the composer: never so much of it that the rest is out of sight. */
export function OpenRequests({ agentId }: { agentId: string }) {
  const ids = useInteractionIds({ agentId })
  if (ids.status !== 'ready' || ids.data.length === 0) return null
  return (
    <section
      aria-label="Open requests"
      className="flex max-h-[40svh] shrink-0 flex-col gap-4 overflow-auto border-t-2 border-needs bg-card px-5 py-3 max-tablet:px-3"
    >
      {ids.data.map(id => (
        <RequestCard key={id} id={id} />
      ))}
    </section>
  )
}
