import fp from 'fastify-plugin'
import { OpenMessages } from '../src/sessions/open-messages.ts'
import { SessionService } from '../src/sessions/session-service.ts'

declare module 'fastify' {
  interface FastifyInstance {
    sessions: SessionService
    /** What is open on the streams of sessions. Takes the snapshots that show it. */
    openMessages: OpenMessages
  }
}

export default fp(
  async app => {
    const { clock, config, eventLog: log } = app
    const onFault = (error: unknown) => app.log.error({ err: error }, 'fault in the background')
    const open = new OpenMessages({ log })
    const sessions = new SessionService({
      ...{ log, open, clock, onFault },
      retentionMs: config.SESSION_RETENTION_MS,
      limits: { maxSessions: config.MAX_SESSIONS_PER_AGENT, maxOpenItems: config.MAX_OPEN_MESSAGES_PER_AGENT },
    })
    await open.start()
    await sessions.start()
    app.decorate('openMessages', open)
    app.decorate('sessions', sessions)
    app.addHook('onClose', async () => {
      sessions.stop()
      open.stop()
    })
  },
  { name: 'fleetwire-sessions', dependencies: ['fleetwire-event-log'] },
)
