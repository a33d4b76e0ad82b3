import type { DashboardEvent } from '@fleetwire/client/node'
import type { Agent, Command } from '@fleetwire/protocol'
import { safeLine } from './safe-text.ts'

/** One line for a person: when, what, who, and the most important detail. */
export function describeEvent({ type, topic, at, payload }: DashboardEvent): string {
  const time = new Date(at).toTimeString().slice(0, 8)
  return safeLine(`${time} ${type.padEnd(20)} ${aboutOf(type, topic, payload)}`.trimEnd())
}

function aboutOf(type: string, topic: string, payload: unknown): string {
  if (type.startsWith('command:')) return aboutCommand(payload as Command)
  if (type === 'agent:status') {
    const { agentId, link, work, detail } = payload as Agent
    return `${agentId} ${link}, ${work} ${detail}`
  }
  const { agentId = topic } = payload as { agentId?: string }
  const rest = Object.entries(payload as object).filter(([name]) => name !== 'agentId' && name !== 'bootId')
  return `${agentId} ${rest.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' ')}`
}

function aboutCommand({
  agentId,
  commandId,
  status,
  phase,
  reason,
  input,
  exitCode,
  confirmed,
  progress,
}: Command): string {
  const facts = [
    status === 'queued' && `${JSON.stringify(input)?.slice(0, 120)}`,
    phase !== undefined && phase !== 'working' && phase,
    exitCode !== undefined && `exit ${exitCode}`,
    reason,
    confirmed !== undefined && (confirmed ? 'confirmed' : 'not confirmed'),
    status === 'running' && progress?.message,
  ]
  return `${agentId} ${commandId} ${facts.filter(Boolean).join(', ')}`
}
