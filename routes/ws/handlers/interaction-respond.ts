import { wireError } from '@fleetwire/protocol'
import { canSeeAgent, may } from '../../../src/auth/permissions.ts'
import { accept, type Handler, refuse } from '../dashboard.ts'

export const interactionRespond: Handler<'interaction:respond'> = async (frame, dashboard) => {
  const { principal } = dashboard.connection
  if (!may(principal, 'interact')) {
    refuse(dashboard, frame, wireError('forbidden', 'This token may not answer interactions.'))
    return
  }
  const { interactionId, ...answer } = frame.payload
  const outcome = await dashboard.app.interactions.respond(interactionId, answer, {
    by: principal.sub,
    via: 'ws',
    canSee: agentId => canSeeAgent(principal, agentId),
  })
  if (outcome.status === 'refused') refuse(dashboard, frame, outcome.error)
  else accept(dashboard, frame, { affected: outcome.affected, interaction: outcome.interaction })
}
