import fp from 'fastify-plugin'
import { OpenMessages } from '../src/sessions/open-messages.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Tracks the open items of session streams, and takes snapshots of them. */
    openMessages: OpenMessages
  }
}

export default fp(
  async app => {
    const open = new OpenMessages({ log: app.eventLog })
    await open.start()
    app.decorate('openMessages', open)
    app.addHook('onClose', async () => open.stop())
  },
  { name: 'fleetwire-open-messages', dependencies: ['fleetwire-event-log'] },
)
