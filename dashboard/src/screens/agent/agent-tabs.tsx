import type { Agent } from '@fleetwire/protocol'
import { getRouteApi } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { useShortcuts } from '../../keys/shortcuts.ts'
import { Loading, SkeletonLine } from '../../ui/states.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { usePhone } from '../../ui/use-phone.ts'
import { ConversationTools } from './conversation/conversation-tools.tsx'
import type { ShownSession } from './conversation/use-shown-session.ts'
import { Side } from './side/side.tsx'
import { TerminalTools } from './terminal/terminal-tools.tsx'
import type { ShownTab } from './use-shown-tab.ts'

const TerminalView = lazy(() => import('./terminal/terminal-view.tsx'))
const Conversation = lazy(() => import('./conversation/conversation-tab.tsx'))
const Timeline = lazy(() => import('./timeline/timeline-tab.tsx'))

const route = getRouteApi('/agents/$agentId')

export interface AgentTabsProps {
  agent: Agent
  shown: ShownTab
  onShow(tab: ShownTab): void
  session: ShownSession
  mayType: boolean
  hasDetails: boolean
}

export function AgentTabs({ agent, shown, onShow, session, mayType, hasDetails }: AgentTabsProps) {
  const { agentId, name, capabilities } = agent
  const navigate = route.useNavigate()
  const isPhone = usePhone()
  const [terminalId, setTerminalId] = useState<string>()
  const [isSearching, setIsSearching] = useState(false)
  useShortcuts([
    { keys: '1', label: 'Show the terminal', group: 'Agent', run: () => onShow('terminal') },
    { keys: '2', label: 'Show the conversation', group: 'Agent', run: () => onShow('conversation') },
    { keys: '3', label: 'Show the timeline', group: 'Agent', run: () => onShow('timeline') },
  ])
  const takesPrompts = capabilities.kinds?.includes('prompt') ?? true
  const tools: Partial<Record<ShownTab, ReactNode>> = {
    terminal: (
      <TerminalTools
        agentId={agentId}
        terminalId={terminalId}
        onTerminal={setTerminalId}
        onFind={() => setIsSearching(true)}
      />
    ),
    conversation: (
      <ConversationTools
        session={session}
        canBegin={takesPrompts}
        onSession={id => void navigate({ search: before => ({ ...before, session: id }), replace: true })}
      />
    ),
  }
  const row = isPhone && tools[shown] !== undefined && (
    <div className="flex shrink-0 justify-end border-b border-line py-1">{tools[shown]}</div>
  )
  return (
    <Tabs<ShownTab>
      label="What the agent shows"
      value={shown}
      onChange={onShow}
      aside={isPhone ? undefined : tools[shown]}
      tabs={[
        {
          value: 'terminal',
          label: 'Terminal',
          content: (
            <Later>
              {row}
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
              {row}
              <Conversation session={session} agentName={name} takesPrompts={takesPrompts} />
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

function Later({ children }: { children: ReactNode }) {
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
