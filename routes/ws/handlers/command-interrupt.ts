import { callerOn } from '../../caller.ts'
import { accept, type Handler, refuse } from '../dashboard.ts'

export const commandInterrupt: Handler<'command:interrupt'> = async (frame, dashboard) => {
  const { commandId, ...options } = frame.payload
  const outcome = await dashboard.app.commandQueue.interrupt(commandId, { ...options, ...callerOn(dashboard) })
  if (outcome.status === 'refused') refuse(dashboard, frame, outcome.error)
  else accept(dashboard, frame, { affected: outcome.affected, status: outcome.command.status })
}
