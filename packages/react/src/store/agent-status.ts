import type { Agent } from '@fleetwire/protocol'

/** The statuses of an agent as shown to users, most urgent first. */
export const agentStatuses = [
  'needs-you',
  'error',
  'stalled',
  'late',
  'working',
  'starting',
  'idle',
  'offline',
] as const
export type AgentStatus = (typeof agentStatuses)[number]

/** The agent asked something, or (while connected) reports that it waits for input, for example in its terminal. */
export const needsYou = ({ openInteractions, work, link }: Agent): boolean =>
  openInteractions > 0 || (work === 'waiting' && link !== 'offline')

/** `hasUnseenFailure`: one of its commands failed or was lost, and nobody has looked at it since. */
export function agentStatus(agent: Agent, { hasUnseenFailure = false } = {}): AgentStatus {
  if (needsYou(agent)) return 'needs-you'
  if (agent.status === 'error' || agent.work === 'error' || hasUnseenFailure) return 'error'
  if (agent.link === 'offline') return 'offline'
  if (agent.work === 'stalled') return 'stalled'
  if (agent.link === 'late') return 'late'
  if (agent.work === 'working' || agent.running.length > 0) return 'working'
  if (agent.work === 'starting') return 'starting'
  return agent.work === 'stopped' ? 'offline' : 'idle'
}
