import { wireError } from '@fleetwire/protocol'
import { canSeeAgent, may } from '../../../src/auth/permissions.ts'
import { accept, type Handler, refuse } from '../dashboard.ts'

export const commandInterrupt: Handler<'command:interrupt'> = async (frame, dashboard) => {
  const { principal } = dashboard.connection
  if (!may(principal, 'command')) {
    refuse(dashboard, frame, wireError('forbidden', 'This token may not command.'))
    return
  }
  const { commandId, ...options } = frame.payload
  const outcome = await dashboard.app.commandQueue.interrupt(commandId, {
    ...options,
    canSee: agentId => canSeeAgent(principal, agentId),
  })
  if (outcome.status === 'refused') refuse(dashboard, frame, outcome.error)
  else accept(dashboard, frame, { affected: outcome.affected, status: outcome.command.status })
}
