import { wireError } from '@fleetwire/protocol'
import { canSeeAgent, may } from '../../../src/auth/permissions.ts'
import { accept, type Handler, refuse } from '../dashboard.ts'

export const commandRequest: Handler<'command:request'> = async (frame, dashboard) => {
  const { app, connection } = dashboard
  const { principal } = connection
  const { agentId } = frame.payload
  if (!may(principal, 'command')) {
    refuse(dashboard, frame, wireError('forbidden', 'This token may not command.'))
    return
  }
  if (!canSeeAgent(principal, agentId)) {
    refuse(dashboard, frame, wireError('not_found', `There is no agent "${agentId}".`))
    return
  }
  const result = await app.commandQueue.submit({ ...frame.payload, createdBy: principal.sub })
  if (result.status === 'refused') refuse(dashboard, frame, result.error)
  else accept(dashboard, frame, { command: result.command })
}
