import fp from 'fastify-plugin'
import { EventBus } from '../src/events/event-bus.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Delivers events to code in this process, and publishes events from that code. */
    eventBus: EventBus
  }
}

export default fp(
  async app => {
    const bus = new EventBus({ log: app.eventLog, tasks: app.tasks, logger: app.log })
    bus.start()
    app.decorate('eventBus', bus)
    app.addHook('onClose', async () => bus.stop())
  },
  { name: 'fleetwire-event-bus', dependencies: ['fleetwire-event-log', 'fleetwire-fleet'] },
)
