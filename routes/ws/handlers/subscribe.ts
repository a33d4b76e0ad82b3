import { accept, type Handler, orReconnect, refuse } from '../dashboard.ts'
import { claimPatterns } from '../patterns.ts'

/** Refused patterns are reported in `error` frames; the others are subscribed. */
export const subscribe: Handler<'subscribe'> = async (frame, dashboard) => {
  const { connection, subscriber } = dashboard
  const verdict = claimPatterns(dashboard, frame.payload.topics)
  if (verdict.status === 'refused') {
    refuse(dashboard, frame, verdict.error)
    return
  }
  const { allowed, refused } = verdict
  if (allowed.length === 0 && refused[0] !== undefined) {
    refuse(dashboard, frame, refused[0])
    // With the reply they are one error.
    for (const error of refused.slice(1)) connection.send('error', error)
    connection.charge(refused[0].code, true)
    return
  }
  connection.errors(refused, { charged: true })
  accept(dashboard, frame, { topics: allowed })
  await orReconnect(dashboard, subscriber.subscribe(allowed, frame.payload.snapshot ?? true))
}
