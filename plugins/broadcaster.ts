import fp from 'fastify-plugin'
import { Broadcaster } from '../src/broadcast/broadcaster.ts'
import { FrameCompressor } from '../src/frames/frame-compressor.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Sends the events of the log to subscribers: sockets, streams, or custom sinks. */
    broadcaster: Broadcaster
  }
}

export default fp(
  async app => {
    const broadcaster = new Broadcaster({
      log: app.eventLog,
      snapshots: app.openMessages,
      flusher: app.flusher,
      compressor: app.config.COMPRESSION ? new FrameCompressor() : undefined,
    })
    broadcaster.start()
    app.decorate('broadcaster', broadcaster)
    app.addHook('onClose', async () => broadcaster.stop())
  },
  {
    name: 'fleetwire-broadcaster',
    dependencies: ['fleetwire-event-log', 'fleetwire-open-messages', 'fleetwire-connections'],
  },
)
