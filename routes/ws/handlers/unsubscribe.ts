import { accept, type Handler, orReconnect } from '../dashboard.ts'
import { spendOn } from '../patterns.ts'

/** The reply is sent once the patterns are unsubscribed: none of their events follows it. */
export const unsubscribe: Handler<'unsubscribe'> = async (frame, dashboard) => {
  const { topics } = frame.payload
  spendOn(dashboard.connection, topics)
  for (const pattern of topics) dashboard.wanted.delete(pattern)
  await orReconnect(dashboard, dashboard.subscriber.unsubscribe(topics))
  accept(dashboard, frame)
}
