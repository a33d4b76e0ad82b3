import { wireError } from '@fleetwire/protocol'
import { may } from '../../../src/auth/permissions.ts'
import { type Handler, refuse } from '../dashboard.ts'

export const interactionRespond: Handler<'interaction:respond'> = (frame, dashboard) => {
  const error = may(dashboard.connection.principal, 'interact')
    ? wireError('not_found', `There is no interaction "${frame.payload.interactionId}".`)
    : wireError('forbidden', 'This token may not answer interactions.')
  refuse(dashboard, frame, error)
}
