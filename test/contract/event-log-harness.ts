import type { Test } from 'tap'
import type { EventDraft, EventLog, FleetEvent, LogRecord } from '../../src/log/event-log.ts'

/** One log under test. Every log of a harness is closed when the test ends. */
export interface LogHarness {
  log: EventLog
  /** Closes the log and opens it again. */
  reopen(): Promise<EventLog>
  /** Opens another log, with its own epoch. */
  another(): Promise<EventLog>
  /** Lets time pass, and resolves when retention and expiry have removed what is due by then. */
  elapse(ms: number): Promise<void>
}

export type LogFactory = (t: Test, options?: { retention?: { count: number; ms: number } }) => Promise<LogHarness>

/** Options for one kind of test cases, such as those that only test reading what has been stored. */
export type SomeCases = { skip?: string | false }

export const note = (n: number, topic = 'tasks.t1.events'): EventDraft => ({
  type: 'custom:note',
  topic,
  payload: { n },
})

export function commandDraft(
  id: string,
  fields: Record<string, unknown> = {},
  options: Partial<EventDraft> = {},
): EventDraft {
  const payload = { commandId: id, agentId: 'a1', status: 'queued', createdAt: 1000, ...fields }
  return {
    type: 'command:queued',
    topic: `agents.${payload.agentId}.commands.${id}`,
    payload,
    record: 'set',
    ...options,
  }
}

/** Appends drafts that must be accepted. */
export async function append(log: EventLog, ...drafts: EventDraft[]): Promise<FleetEvent[]> {
  const result = await log.append(drafts)
  if (result.status !== 'ok') throw new Error(`append: ${JSON.stringify(result)}`)
  return result.events
}

/** The data of an event or a record, without its lazy accessor. */
export const plain = (entry: FleetEvent | LogRecord | undefined) => entry && { ...entry }

export const numbers = (entries: readonly (FleetEvent | LogRecord)[]) =>
  entries.map(entry => (entry.payload as { n: number }).n)

/** Reads to the end, page by page. */
export async function readAll(log: EventLog, topics: string[], limit = 100, after?: string): Promise<FleetEvent[]> {
  const events: FleetEvent[] = []
  for (let cursor = after; ; ) {
    const page = await log.read(cursor === undefined ? { topics, limit } : { topics, limit, after: cursor })
    if (page.status !== 'ok') throw new Error(`read: ${page.reason}`)
    events.push(...page.events)
    if (page.done) return events
    cursor = page.next
  }
}
