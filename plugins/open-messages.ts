import fp from 'fastify-plugin'
import { OpenMessages } from '../src/sessions/open-messages.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What is open on the streams of sessions. Takes the snapshots that show it. */
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
