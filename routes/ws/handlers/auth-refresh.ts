import { wireError } from '@fleetwire/protocol'
import { canSeeAgent, may } from '../../../src/auth/permissions.ts'
import { accept, type Dashboard, type Handler, refuse } from '../dashboard.ts'
import { reclaimPatterns } from '../patterns.ts'

/** Accepts a newer token of the same holder: the connection stays open with that token's expiry and rights. */
export const authRefresh: Handler<'auth:refresh'> = async (frame, dashboard) => {
  const { app, connection, subscriber } = dashboard
  const verdict = await app.verifyToken(frame.payload.token)
  if ('refusal' in verdict) {
    refuse(dashboard, frame, verdict.refusal)
    return
  }
  const { principal } = verdict
  if (principal.sub !== connection.principal.sub || principal.role === 'agent') {
    refuse(
      dashboard,
      frame,
      wireError('forbidden', 'The token belongs to another subject: open a separate socket for it.'),
    )
    return
  }
  connection.refresh(principal)
  subscriber.refresh(principal)
  accept(dashboard, frame, { expiresAt: principal.expiresAt, role: principal.role })
  judgeAgain(dashboard)
}

/** Withdraws, and reports, subscriptions and terminals that the connection may no longer have. */
function judgeAgain(dashboard: Dashboard): void {
  const { app, connection } = dashboard
  const { principal } = connection
  const refused = reclaimPatterns(dashboard)
  if (refused !== undefined) connection.send('error', refused)
  const reads = may(principal, 'read')
  const agentIds = app.terminals.keep(connection, {
    watches: agentId => reads && canSeeAgent(principal, agentId),
    types: agentId => may(principal, 'terminal:write') && canSeeAgent(principal, agentId),
  })
  if (agentIds.length === 0) return
  const message = `This token may not see the terminals of ${agentIds.join(', ')}: they were closed.`
  connection.send('error', wireError('forbidden', message, { agentIds }))
}
