import { callerOn } from '../../caller.ts'
import { accept, type Handler, refuse } from '../dashboard.ts'

export const interactionRespond: Handler<'interaction:respond'> = async (frame, dashboard) => {
  const { interactionId, ...answer } = frame.payload
  const outcome = await dashboard.app.interactions.respond(interactionId, answer, callerOn(dashboard))
  if (outcome.status === 'refused') refuse(dashboard, frame, outcome.error)
  else accept(dashboard, frame, { affected: outcome.affected, interaction: outcome.interaction })
}
