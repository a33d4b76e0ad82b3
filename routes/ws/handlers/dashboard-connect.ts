import type { ResumeOutcome } from '../../../src/broadcast/subscriber.ts'
import { type Dashboard, type Handler, orReconnect, sendEstablished } from '../dashboard.ts'
import { claimPatterns } from '../patterns.ts'

/** One frame in which a client states what it wants and where it left off. */
export const dashboardConnect: Handler<'dashboard:connect'> = async ({ id, payload }, dashboard: Dashboard) => {
  const { app, connection, subscriber } = dashboard
  const { resume, subscribe = [], snapshot = true, join = false } = payload
  const verdict = claimPatterns(dashboard, subscribe)
  if (verdict.status === 'refused') {
    connection.errors([verdict.error], { id })
    return
  }
  if (join) connection.join()
  const { allowed, refused } = verdict
  connection.errors(refused, { charged: true })
  if (resume === undefined) {
    sendEstablished(dashboard, { resumed: false, cursor: app.broadcaster.position }, id)
    if (allowed.length > 0) await orReconnect(dashboard, subscriber.subscribe(allowed, snapshot))
    return
  }
  const decided = (outcome: ResumeOutcome) =>
    // A client that stores this cursor and is cut off during the replay must not skip events that it did not get.
    sendEstablished(dashboard, { ...outcome, cursor: outcome.resumed ? resume.cursor : app.broadcaster.position }, id)
  await orReconnect(dashboard, subscriber.resume(resume.cursor, allowed, decided, snapshot))
}
