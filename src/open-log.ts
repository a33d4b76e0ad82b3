import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { OpeningLog } from './log/sqlite-opening.ts'

/** Begins to open the log that a configuration names. */
export function openLog(config: Config, clock: Clock): OpeningLog {
  const { DATA_DIR, EVENT_RETENTION_COUNT, EVENT_RETENTION_BYTES, EVENT_RETENTION_MS } = config
  return new OpeningLog({
    dir: DATA_DIR,
    clock,
    retention: { count: EVENT_RETENTION_COUNT, bytes: EVENT_RETENTION_BYTES, ms: EVENT_RETENTION_MS },
  })
}
