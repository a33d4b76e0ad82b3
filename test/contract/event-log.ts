import type { Test } from 'tap'
import { contractOfEvents } from './event-log-events.ts'
import type { LogFactory } from './event-log-harness.ts'
import { contractOfRecords } from './event-log-records.ts'

export type { LogFactory, LogHarness } from './event-log-harness.ts'

/** What every implementation of EventLog must do, whatever it stores events in. */
export function eventLogContract(t: Test, name: string, factory: LogFactory): void {
  t.test(`${name}: events`, t => contractOfEvents(t, factory))
  t.test(`${name}: records`, t => contractOfRecords(t, factory))
}
