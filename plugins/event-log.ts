import fp from 'fastify-plugin'
import type { EventLog } from '../src/log/event-log.ts'
import { openSqliteLog } from '../src/log/sqlite-log.ts'
import { TimedLog } from '../src/log/timed-log.ts'

declare module 'fastify' {
  interface FastifyInstance {
    eventLog: TimedLog
  }
}

export interface EventLogOptions {
  /** A log that the caller opened, and closes. */
  eventLog?: EventLog | undefined
}

export default fp<EventLogOptions>(
  async (app, { eventLog }) => {
    if (eventLog !== undefined) {
      app.decorate('eventLog', new TimedLog(eventLog, app.clock))
      return
    }
    const { DATA_DIR, EVENT_RETENTION_COUNT, EVENT_RETENTION_MS } = app.config
    const log = await openSqliteLog({
      dir: DATA_DIR,
      clock: app.clock,
      retention: { count: EVENT_RETENTION_COUNT, ms: EVENT_RETENTION_MS },
      onFault: error => app.log.error({ err: error }, 'event log'),
    })
    app.decorate('eventLog', new TimedLog(log, app.clock))
    app.addHook('onClose', () => log.close())
  },
  { name: 'fleetwire-event-log' },
)
