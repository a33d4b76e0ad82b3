import type { Agent } from '@fleetwire/protocol'
import { getRouteApi } from '@tanstack/react-router'
import { type AgentTab, usePreferences, withEntry } from '../../app/preferences.ts'

const route = getRouteApi('/agents/$agentId')

export type ShownTab = AgentTab | 'details'
const tabs: readonly ShownTab[] = ['terminal', 'conversation', 'timeline', 'details']
const isTab = (value: unknown): value is ShownTab => tabs.includes(value as ShownTab)

/** The tab from the address, otherwise the one that was last shown for this agent. */
export function useShownTab(agent: Agent, hasDetails: boolean): [ShownTab, (tab: ShownTab) => void] {
  const { agentId } = agent
  const { tab } = route.useSearch()
  const navigate = route.useNavigate()
  const remembered = usePreferences(state => state.tabs[agentId])
  const wanted = isTab(tab) ? tab : (remembered ?? usualTab(agent))
  const show = (next: ShownTab) => {
    const { tabs: known, set } = usePreferences.getState()
    if (next !== 'details') set({ tabs: withEntry(known, agentId, next) })
    void navigate({ search: before => ({ ...before, tab: next }), replace: true })
  }
  return [wanted === 'details' && !hasDetails ? 'terminal' : wanted, show]
}

/** An agent that takes prompts and no shell lines starts with its conversation; others with the terminal. */
const usualTab = ({ capabilities: { kinds } }: Agent): AgentTab =>
  kinds !== undefined && !kinds.includes('shell') && kinds.includes('prompt') ? 'conversation' : 'terminal'
