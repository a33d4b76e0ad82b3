import type { Agent, AgentSummary, Command } from '@fleetwire/protocol'
import { type AgentStatus, agentStatus } from '@fleetwire/react'

export type { AgentStatus }

const BAD_ENDS: ReadonlySet<string> = new Set(['failed', 'timed_out', 'lost', 'expired'])

export const endedBadly = (status: string): boolean => BAD_ENDS.has(status)

/** The status to show. `seenAt`: when the user last looked at the agent here; a command that ended later is unseen. */
export const shownStatus = (agent: Agent, summary: AgentSummary | undefined, seenAt: number): AgentStatus =>
  agentStatus(agent, { hasUnseenFailure: isUnseen(summary, seenAt) && endedBadly(summary!.last!.status) })

/** Whether a command has ended since the user last looked. */
export const isUnseen = (summary: AgentSummary | undefined, seenAt: number): boolean =>
  summary?.last !== undefined && summary.last.endedAt > seenAt

/** The words beside the status icon; for an error, how the command ended. */
export function statusWord(status: AgentStatus, agent: Agent, summary: AgentSummary | undefined): string {
  switch (status) {
    case 'needs-you':
      return agent.openInteractions > 0 ? 'Needs answer' : 'Waiting for you'
    case 'error':
      return agent.work === 'error' || summary?.last === undefined ? 'Error' : commandWords[summary.last.status]
    case 'stalled':
      return 'Stalled'
    case 'late':
      return 'Late'
    case 'working':
      return 'Working'
    case 'starting':
      return 'Starting'
    case 'idle':
      return 'Idle'
    case 'offline':
      return agent.work === 'stopped' && agent.link !== 'offline' ? 'Stopped' : 'Offline'
    default:
      return status satisfies never
  }
}

/** Since when the agent has this status, epoch ms; undefined if unknown. */
export function statusSince(status: AgentStatus, agent: Agent, summary: AgentSummary | undefined): number | undefined {
  switch (status) {
    case 'offline':
    case 'late':
      return agent.lastSeenAt
    case 'error':
      return summary?.last?.endedAt
    case 'working':
      return summary?.current?.startedAt
    case 'idle':
      return summary?.last?.endedAt ?? agent.connectedAt
    case 'needs-you':
    case 'stalled':
    case 'starting':
      return undefined
    default:
      return status satisfies never
  }
}

export const statusNotes: Record<AgentStatus, string> = {
  'needs-you': 'It is waiting for a person.',
  error: 'It reported an error, or its last command did not succeed and nobody has looked at it yet.',
  offline: 'No connection. Commands wait in its queue until it is back.',
  stalled: 'It reports that it is working, but has shown no progress for a while.',
  late: 'Its heartbeat is overdue. It may be down, or its network slow.',
  working: 'It is running a command.',
  starting: 'It is connected but not ready yet.',
  idle: 'It is ready for a command.',
}

export const commandWords: Record<Command['status'], string> = {
  queued: 'Queued',
  dispatched: 'Dispatched',
  running: 'Running',
  succeeded: 'Succeeded',
  failed: 'Failed',
  cancelled: 'Cancelled',
  timed_out: 'Timed out',
  expired: 'Expired',
  rejected: 'Rejected',
  lost: 'Lost',
}
