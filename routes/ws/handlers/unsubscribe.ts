import { accept, type Handler, orReconnect } from '../dashboard.ts'

/** Answered when it is done: nothing of these patterns comes after the reply. */
export const unsubscribe: Handler<'unsubscribe'> = async (frame, dashboard) => {
  const { topics } = frame.payload
  for (const pattern of topics) dashboard.wanted.delete(pattern)
  await orReconnect(dashboard, dashboard.subscriber.unsubscribe(topics))
  accept(dashboard, frame)
}
