import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { EventLog } from '../src/log/event-log.ts'
import type { StartWorker } from '../src/log/sqlite-client.ts'
import type { OpeningLog } from '../src/log/sqlite-opening.ts'
import { StoreProbe } from '../src/log/store-probe.ts'
import { TimedLog } from '../src/log/timed-log.ts'
import { openLog } from '../src/open-log.ts'

declare module 'fastify' {
  interface FastifyInstance {
    eventLog: TimedLog
    /** Whether the store accepts writes. */
    storeProbe: StoreProbe
    /** How full the log is; undefined if the caller owns the log. */
    logUsage(): { events: number; bytes: number; limitBytes: number } | undefined
  }
}

export interface EventLogOptions {
  /** A log that the caller opened and will close. */
  eventLog?: EventLog | undefined
  /** The configured log, if it is already being opened. It is closed with the app. */
  openingLog?: OpeningLog | undefined
  startWorker?: StartWorker | undefined
}

function watched(app: FastifyInstance, eventLog: EventLog): void {
  const { clock } = app
  const log = new TimedLog(eventLog, clock)
  const probe = new StoreProbe({
    log: eventLog,
    clock,
    onChange: reason =>
      reason === undefined
        ? app.log.info('the store accepts writes again')
        : app.log.error({ reason }, `the store accepts no writes: ${reason}`),
  })
  log.onAppend(({ reason }) => reason !== undefined && probe.refused(reason))
  app.decorate('eventLog', log)
  app.decorate('storeProbe', probe)
}

export default fp<EventLogOptions>(
  async (app, { eventLog, openingLog, startWorker }) => {
    if (eventLog !== undefined) {
      watched(app, eventLog)
      app.decorate('logUsage', () => undefined)
      return
    }
    if (app.cluster !== undefined) {
      const { cluster } = app
      watched(app, cluster.log)
      app.decorate('logUsage', () => cluster.usage)
      return
    }
    const log = await (openingLog ?? openLog(app.config, app.clock, startWorker)).take({
      onFault: error => app.log.error({ err: error }, 'event log'),
      onNote: message => app.log.warn(message),
    })
    watched(app, log)
    app.decorate('logUsage', () => log.usage)
    app.addHook('onClose', () => log.close())
  },
  { name: 'fleetwire-event-log', dependencies: ['fleetwire-cluster'] },
)
