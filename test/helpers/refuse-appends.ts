import type { EventDraft, EventLog } from '../../src/log/event-log.ts'

/** Makes a log refuse appends, as if its disk were full, until `accept` is called. */
export function refuseAppends(log: EventLog, refuses: (drafts: readonly EventDraft[]) => boolean = () => true) {
  const { append } = log
  let count = 0
  log.append = async drafts => {
    if (!refuses(drafts)) return append.call(log, drafts)
    count++
    return { status: 'unavailable', retryAfterMs: 1000, reason: 'The disk is full.' }
  }
  return {
    /** Number of appends refused so far. */
    get count() {
      return count
    },
    accept() {
      log.append = append
    },
  }
}
