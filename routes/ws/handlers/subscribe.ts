import { accept, type Handler, orReconnect, refuse } from '../dashboard.ts'
import { claimPatterns } from '../patterns.ts'

/** What is refused is named in an `error` each; the others proceed. */
export const subscribe: Handler<'subscribe'> = async (frame, dashboard) => {
  const { connection, subscriber } = dashboard
  const verdict = claimPatterns(dashboard, frame.payload.topics)
  if (verdict.status === 'refused') {
    refuse(dashboard, frame, verdict.error)
    return
  }
  const { allowed, refused } = verdict
  connection.errors(refused)
  if (allowed.length === 0 && refused[0] !== undefined) {
    refuse(dashboard, frame, refused[0])
    return
  }
  accept(dashboard, frame, { topics: allowed })
  await orReconnect(dashboard, subscriber.subscribe(allowed, frame.payload.snapshot ?? true))
}
