import { asAnswer, hiddenFrom } from '../../caller.ts'
import { accept, type Handler, refuse } from '../dashboard.ts'

export const commandRequest: Handler<'command:request'> = async (frame, dashboard) => {
  const { app, connection } = dashboard
  const hidden = await hiddenFrom(app, connection.principal, frame.payload.taskId)
  if (hidden !== undefined) {
    refuse(dashboard, frame, hidden)
    return
  }
  const result = await app.commandQueue.submit({ ...frame.payload, createdBy: connection.principal.sub })
  if (result.status === 'refused') refuse(dashboard, frame, result.error)
  else accept(dashboard, frame, { command: asAnswer(connection.principal, result.command) })
}
