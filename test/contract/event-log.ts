import type { Test } from 'tap'
import { contractOfEvents } from './event-log-events.ts'
import type { LogFactory, SomeCases } from './event-log-harness.ts'
import { contractOfRecords } from './event-log-records.ts'

export type { LogFactory, LogHarness } from './event-log-harness.ts'

/**
 * What every implementation of EventLog must do, whatever it stores events in. `ofReads` may leave out the cases of reading,
 * and `ofRecords` all of records, for a log that does so by the same code as another one which passes all of them.
 */
export function eventLogContract(
  t: Test,
  name: string,
  factory: LogFactory,
  ofReads: SomeCases = {},
  ofRecords: SomeCases = {},
): void {
  t.test(`${name}: events`, t => contractOfEvents(t, factory, ofReads))
  t.test(`${name}: records`, ofRecords, t => contractOfRecords(t, factory, ofReads))
}
