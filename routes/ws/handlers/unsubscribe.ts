import { accept, type Handler, orReconnect } from '../dashboard.ts'
import { spendOn } from '../patterns.ts'

/** Answered when it is done: nothing of these patterns comes after the reply. */
export const unsubscribe: Handler<'unsubscribe'> = async (frame, dashboard) => {
  const { topics } = frame.payload
  spendOn(dashboard.connection, topics)
  for (const pattern of topics) dashboard.wanted.delete(pattern)
  await orReconnect(dashboard, dashboard.subscriber.unsubscribe(topics))
  accept(dashboard, frame)
}
