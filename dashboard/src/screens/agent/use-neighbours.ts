import { useAgentIds } from '@fleetwire/react'
import { useNavigate } from '@tanstack/react-router'
import { useShortcuts } from '../../keys/shortcuts.ts'

/** `[` and `]` go to the previous and next agent, in the order of the fleet. */
export function useNeighbours(agentId: string): void {
  const agents = useAgentIds({ freeze: true })
  const navigate = useNavigate()
  const ids = agents.status === 'ready' ? agents.data.ids : []
  const go = (by: number) => {
    const to = ids[(ids.indexOf(agentId) + by + ids.length) % ids.length]
    if (to !== undefined && to !== agentId) {
      void navigate({
        to: '/agents/$agentId',
        params: { agentId: to },
        search: ({ tab }: { tab?: string }) => ({ ...(tab && { tab }) }),
      })
    }
  }
  useShortcuts(
    [
      { keys: '[', label: 'Previous agent', group: 'Agent', run: () => go(-1) },
      { keys: ']', label: 'Next agent', group: 'Agent', run: () => go(1) },
    ],
    ids.length > 1,
  )
}
