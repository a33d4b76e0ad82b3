import type { Agent, AgentSummary } from '@fleetwire/protocol'
import { useAgent, useAgentSummary } from '@fleetwire/react'
import { usePreferences } from '../../app/preferences.ts'
import { type AgentStatus, isUnseen, shownStatus } from '../../model/agent-status.ts'

export interface AgentView {
  agent: Agent
  summary: AgentSummary | undefined
  status: AgentStatus
  /** A command has ended since the user last looked. */
  isUnread: boolean
  /** Since when the values may be outdated, epoch ms; undefined while they are live. */
  staleSince: number | undefined
}

/** Everything that one card or row shows; undefined until the agent is loaded. */
export function useAgentView(id: string): AgentView | undefined {
  const agent = useAgent(id)
  const live = useAgentSummary(id)
  const seenAt = usePreferences(state => state.seen[id] ?? 0)
  if (agent.status !== 'ready' || agent.data === undefined) return undefined
  const summary = live.status === 'ready' ? live.data : undefined
  return {
    agent: agent.data,
    summary,
    status: shownStatus(agent.data, summary, seenAt),
    isUnread: isUnseen(summary, seenAt),
    staleSince: agent.stale ? agent.asOf : undefined,
  }
}
