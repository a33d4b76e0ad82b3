import type { WireError } from '@fleetwire/protocol'
import { type Refused, refused } from '../outcome.ts'
import type { AppendResult, EventDraft, EventLog, LogRecord } from './event-log.ts'

/** What to do with a record: the draft that replaces it, or why it stays unchanged. */
export type Decision<T, Why> =
  /** `draft` has no `expect`: the version of `current` is used. `told`: events that are appended in the same step. */
  { to: 'next'; value: T; draft: EventDraft; told?: readonly EventDraft[] } | { to: 'same'; why: Why }

export type Changed<T, Why> =
  | { status: 'changed'; value: T }
  /** `value` is the current value; undefined: there is no such record. */
  | { status: 'same'; why: Why; value: T | undefined }
  | Extract<AppendResult, { status: 'unavailable' }>

/** The outcome of an agent's report, whose number is stored alongside. */
export type ReportOutcome =
  | { status: 'stored' }
  /** The report is consumed: `alongside` is stored. */
  | Refused
  | { status: 'unavailable'; retryAfterMs: number }

export interface RecordChange<T, Why> {
  topic: string
  /** Pure. If another writer was faster, it is called again with the newer value. */
  decide: (current: T | undefined) => Decision<T, Why>
  /** The current record, if the caller knows it by following the log; otherwise it is read. */
  known?: Pick<LogRecord, 'payload' | 'version'> | undefined
  /** Appended in the same step, even if the record does not change. */
  alongside?: readonly EventDraft[]
}

/** The only way to change a record: makes a decision, and appends it only if the record has not changed since. */
export async function changeRecord<T, Why>(
  log: Pick<EventLog, 'append' | 'get'>,
  { topic, decide, known, alongside = [] }: RecordChange<T, Why>,
): Promise<Changed<T, Why>> {
  let record = known ?? (await log.get(topic))
  for (;;) {
    const current = record?.payload as T | undefined
    const decision = decide(current)
    if (decision.to === 'same') {
      const appended = alongside.length === 0 ? undefined : await log.append(alongside)
      return appended?.status === 'unavailable' ? appended : { status: 'same', why: decision.why, value: current }
    }
    const { draft, told = [] } = decision
    const appended = await log.append([{ ...draft, expect: record?.version ?? 0 }, ...told, ...alongside])
    if (appended.status === 'ok') return { status: 'changed', value: decision.value }
    if (appended.status === 'unavailable') return appended
    record = appended.current
  }
}

/** Refuses an agent's report and stores `alongside`, so that its number is consumed. */
export async function refuseReport(
  log: Pick<EventLog, 'append'>,
  error: WireError,
  alongside: readonly EventDraft[],
): Promise<ReportOutcome> {
  const stored = alongside.length === 0 ? undefined : await log.append(alongside)
  return stored?.status === 'unavailable' ? stored : refused(error)
}
