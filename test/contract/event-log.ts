import type { Test } from 'tap'
import { contractOfEvents } from './event-log-events.ts'
import type { LogFactory, ReadCases } from './event-log-harness.ts'
import { contractOfRecords } from './event-log-records.ts'

export type { LogFactory, LogHarness } from './event-log-harness.ts'

/**
 * What every implementation of EventLog must do, whatever it stores events in. `ofReads` may leave out the cases of reading,
 * for a log that reads as another one does which passes all of them.
 */
export function eventLogContract(t: Test, name: string, factory: LogFactory, ofReads: ReadCases = {}): void {
  t.test(`${name}: events`, t => contractOfEvents(t, factory, ofReads))
  t.test(`${name}: records`, t => contractOfRecords(t, factory, ofReads))
}
