import { asAnswer, callerOn } from '../../caller.ts'
import { accept, type Handler, refuse } from '../dashboard.ts'

export const commandRequest: Handler<'command:request'> = async (frame, dashboard) => {
  const { app, connection } = dashboard
  const request = { ...frame.payload, createdBy: connection.principal.sub }
  const result = await app.commandQueue.submit(request, callerOn(dashboard))
  if (result.status === 'refused') refuse(dashboard, frame, result.error)
  else accept(dashboard, frame, { command: asAnswer(connection.principal, result.command) })
}
