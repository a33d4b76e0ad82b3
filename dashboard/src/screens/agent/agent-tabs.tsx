import type { Agent } from '@fleetwire/protocol'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactNode, useEffect, useState } from 'react'
// Loaded with the page and not with the terminal: a style sheet that failed to load once is not requested again.
import '@xterm/xterm/css/xterm.css'
import { useShortcuts } from '../../keys/shortcuts.ts'
import { Tabs } from '../../ui/tabs.tsx'
import { usePhone } from '../../ui/use-phone.ts'
import type { ConversationTabProps } from './conversation/conversation-tab.tsx'
import { ConversationTools } from './conversation/conversation-tools.tsx'
import type { ShownSession } from './conversation/use-shown-session.ts'
import { lazyView } from './lazy-view.tsx'
import { Side } from './side/side.tsx'
import { TerminalTools } from './terminal/terminal-tools.tsx'
import type { TerminalViewProps } from './terminal/terminal-view.tsx'
import type { ShownTab } from './use-shown-tab.ts'

const TerminalView = lazyView<TerminalViewProps>(() => import('./terminal/terminal-view.tsx'))
const Conversation = lazyView<ConversationTabProps>(() => import('./conversation/conversation-tab.tsx'))
const Timeline = lazyView<{ agentId: string }>(() => import('./timeline/timeline-tab.tsx'))

/** When to prefetch the other tabs: most visitors look at more than one. */
const PREFETCH_MS = 2000

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
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const view of [TerminalView, Conversation, Timeline]) view.prefetch()
    }, PREFETCH_MS)
    return () => clearTimeout(timer)
  }, [])
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
      label="Agent views"
      value={shown}
      onChange={onShow}
      aside={isPhone ? undefined : tools[shown]}
      tabs={[
        {
          value: 'terminal',
          label: 'Terminal',
          content: (
            <>
              {row}
              <TerminalView
                agentId={agentId}
                terminalId={terminalId}
                mayType={mayType}
                isSearching={isSearching}
                onSearching={setIsSearching}
              />
            </>
          ),
        },
        {
          value: 'conversation',
          label: 'Conversation',
          content: (
            <>
              {row}
              <Conversation session={session} agentName={name} takesPrompts={takesPrompts} />
            </>
          ),
        },
        {
          value: 'timeline',
          label: 'Timeline',
          content: (
            <>
              <Timeline agentId={agentId} />
            </>
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
