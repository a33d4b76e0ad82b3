import { wireError } from '@fleetwire/protocol'
import { accept, type Handler, refuse } from '../dashboard.ts'

/** A newer token of the same holder: the socket lives on, with its expiry and rights. */
export const authRefresh: Handler<'auth:refresh'> = async (frame, dashboard) => {
  const { app, connection, subscriber } = dashboard
  const verdict = await app.verifyToken(frame.payload.token)
  if ('refusal' in verdict) {
    refuse(dashboard, frame, verdict.refusal)
    return
  }
  const { principal } = verdict
  if (principal.sub !== connection.principal.sub || principal.role === 'agent') {
    refuse(dashboard, frame, wireError('forbidden', 'The token belongs to somebody else: open a socket of its own.'))
    return
  }
  connection.refresh(principal)
  subscriber.refresh(principal)
  accept(dashboard, frame, { expiresAt: principal.expiresAt })
}
