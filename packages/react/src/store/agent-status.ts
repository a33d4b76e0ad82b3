import type { Agent } from '@fleetwire/protocol'

/** What people see of an agent, by urgency: the first that applies. */
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

/** `hasUnseenFailure`: a command of it failed or was lost, and nobody has looked at it since. */
export function agentStatus(agent: Agent, { hasUnseenFailure = false } = {}): AgentStatus {
  if (agent.openInteractions > 0) return 'needs-you'
  // A program in its terminal waits for input, and nothing but the agent's word says so.
  if (agent.work === 'waiting' && agent.link !== 'offline') return 'needs-you'
  if (agent.status === 'error' || agent.work === 'error' || hasUnseenFailure) return 'error'
  if (agent.link === 'offline') return 'offline'
  if (agent.work === 'stalled') return 'stalled'
  if (agent.link === 'late') return 'late'
  if (agent.work === 'working' || agent.running.length > 0) return 'working'
  if (agent.work === 'starting') return 'starting'
  return agent.work === 'stopped' ? 'offline' : 'idle'
}
