import type { Agent } from '@fleetwire/protocol'
import { getRouteApi } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { type AgentTab, usePreferences, withEntry } from '../../app/preferences.ts'
import { useShortcuts } from '../../keys/shortcuts.ts'
import { Loading, SkeletonLine } from '../../ui/states.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Side } from './side/side.tsx'
import { TerminalTools } from './terminal/terminal-tools.tsx'

const TerminalView = lazy(() => import('./terminal/terminal-view.tsx'))
const Conversation = lazy(() => import('./conversation/conversation-tab.tsx'))
const Timeline = lazy(() => import('./timeline/timeline-tab.tsx'))

const route = getRouteApi('/agents/$agentId')

type Shown = AgentTab | 'details'
const tabs: readonly Shown[] = ['terminal', 'conversation', 'timeline', 'details']
const isTab = (value: unknown): value is Shown => tabs.includes(value as Shown)

export interface AgentTabsProps {
  agent: Agent
  mayType: boolean
  hasDetails: boolean
  /** The conversation that is shown, for the composer. */
  onSession(sessionId: string | undefined): void
}

export function AgentTabs({ agent, mayType, hasDetails, onSession }: AgentTabsProps) {
  const { agentId } = agent
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const remembered = usePreferences(state => state.tabs[agentId])
  const [terminalId, setTerminalId] = useState<string>()
  const [isSearching, setIsSearching] = useState(false)
  const wanted = isTab(search.tab) ? search.tab : (remembered ?? usualTab(agent))
  const shown = wanted === 'details' && !hasDetails ? 'terminal' : wanted
  const show = (tab: Shown) => {
    const { tabs: known, set } = usePreferences.getState()
    if (tab !== 'details') set({ tabs: withEntry(known, agentId, tab) })
    void navigate({ search: before => ({ ...before, tab }), replace: true })
  }
  useShortcuts([
    { keys: '1', label: 'Show the terminal', group: 'Agent', run: () => show('terminal') },
    { keys: '2', label: 'Show the conversation', group: 'Agent', run: () => show('conversation') },
    { keys: '3', label: 'Show the timeline', group: 'Agent', run: () => show('timeline') },
  ])
  const tools =
    shown === 'terminal' ? (
      <TerminalTools
        agentId={agentId}
        terminalId={terminalId}
        onTerminal={setTerminalId}
        onFind={() => setIsSearching(true)}
      />
    ) : undefined
  return (
    <Tabs<Shown>
      label="What the agent shows"
      value={shown}
      onChange={show}
      aside={tools}
      tabs={[
        {
          value: 'terminal',
          label: 'Terminal',
          content: (
            <Later>
              <TerminalView
                agentId={agentId}
                terminalId={terminalId}
                mayType={mayType}
                isSearching={isSearching}
                onSearching={setIsSearching}
              />
            </Later>
          ),
        },
        {
          value: 'conversation',
          label: 'Conversation',
          content: (
            <Later>
              <Conversation agentId={agentId} wanted={search.session} onSession={onSession} />
            </Later>
          ),
        },
        {
          value: 'timeline',
          label: 'Timeline',
          content: (
            <Later>
              <Timeline agentId={agentId} />
            </Later>
          ),
        },
        ...(hasDetails
          ? [
              {
                value: 'details' as const,
                label: 'Details',
                content: (
                  <div className="min-h-0 flex-1 overflow-auto">
                    <Side agent={agent} />
                  </div>
                ),
              },
            ]
          : []),
      ]}
    />
  )
}

/** An agent that only takes prompts has no terminal worth looking at first. */
const usualTab = ({ capabilities }: Agent): AgentTab =>
  capabilities.kinds !== undefined && !capabilities.kinds.includes('shell') && capabilities.kinds.includes('prompt')
    ? 'conversation'
    : 'terminal'

function Later({ children }: { children: React.ReactNode }) {
  return (
    <Suspense
      fallback={
        <Loading>
          <div className="flex flex-col gap-2 p-4">
            <SkeletonLine className="w-1/2" />
            <SkeletonLine className="w-1/3" />
          </div>
        </Loading>
      }
    >
      {children}
    </Suspense>
  )
}
