import { accept, type Handler, orReconnect } from '../dashboard.ts'
import { spendOn } from '../patterns.ts'

/** The reply comes when it is done: no event of these patterns follows it. */
export const unsubscribe: Handler<'unsubscribe'> = async (frame, dashboard) => {
  const { topics } = frame.payload
  spendOn(dashboard.connection, topics)
  for (const pattern of topics) dashboard.wanted.delete(pattern)
  await orReconnect(dashboard, dashboard.subscriber.unsubscribe(topics))
  accept(dashboard, frame)
}
