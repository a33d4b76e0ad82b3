import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { StartWorker } from './log/sqlite-client.ts'
import { OpeningLog } from './log/sqlite-opening.ts'
import type { Retention } from './log/sqlite-retention.ts'

/** The configured retention of events. */
export function retentionOf(config: Config): Retention {
  const { EVENT_RETENTION_COUNT, EVENT_RETENTION_BYTES, EVENT_RETENTION_MS } = config
  return { count: EVENT_RETENTION_COUNT, bytes: EVENT_RETENTION_BYTES, ms: EVENT_RETENTION_MS }
}

/** Starts opening the configured log. */
export function openLog(config: Config, clock: Clock, startWorker?: StartWorker): OpeningLog {
  return new OpeningLog({ dir: config.DATA_DIR, clock, retention: retentionOf(config), startWorker })
}
