import type { Test } from 'tap'
import { contractOfEvents } from './event-log-events.ts'
import type { LogFactory, SomeCases } from './event-log-harness.ts'
import { contractOfRecords } from './event-log-records.ts'

export type { LogFactory, LogHarness } from './event-log-harness.ts'

/**
 * The contract of every implementation of EventLog, whatever its storage. `ofReads` may skip the cases about reading, and
 * `ofRecords` all cases about records, for a log that shares this code with another log that passes them.
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
