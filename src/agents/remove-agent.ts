import { type WireError, wireError } from '@fleetwire/protocol'
import type { CommandLedger } from '../commands/command-ledger.ts'
import type { EventDraft } from '../log/event-log.ts'
import { unavailable } from '../outcome.ts'
import type { SessionService } from '../sessions/session-service.ts'
import type { AgentRegistry } from './agent-registry.ts'
import { uplinkTopic } from './agent-state.ts'
import { usageTopic } from './usage.ts'

/**
 * Removes an agent that is not connected. Its commands end first (queued ones as cancelled, running ones as lost),
 * since nobody could end them later. Its sessions end too, with everything that is open in them.
 */
export async function removeAgent(
  agentId: string,
  agents: AgentRegistry,
  ledger: CommandLedger,
  sessions: Pick<SessionService, 'endAll'>,
  audit: readonly EventDraft[] = [],
): Promise<WireError | undefined> {
  if (agents.isConnected(agentId)) {
    return wireError('conflict', `Agent "${agentId}" is connected: disconnect it and revoke its token first.`)
  }
  for (const { commandId, status } of [...ledger.ofAgent(agentId)]) {
    if (status === 'queued') await ledger.apply(commandId, { kind: 'cancel', reason: 'agent_removed' })
    else await ledger.apply(commandId, { kind: 'abandon', lastSeenAt: agents.lastSeenAt(agentId) })
  }
  await sessions.endAll(agentId)
  const uplink = { type: 'uplink:removed', topic: uplinkTopic(agentId), payload: null, record: 'delete' as const }
  const usage = { type: 'usage:removed', topic: usageTopic(agentId), payload: null, record: 'delete' as const }
  const appended = await agents.remove(agentId, [uplink, usage, ...audit])
  return appended.status === 'unavailable' ? unavailable(appended) : undefined
}
