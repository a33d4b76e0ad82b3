import { encodeCursor } from './cursor.ts'
import { cutToFit, flawOf } from './entry-depth.ts'
import type { EventDraft, FleetEvent, LogRecord } from './event-log.ts'
import type { StoredEvent } from './sqlite-messages.ts'

/** The event that a draft has become. Its payload is the one that was given, not a copy. */
export function committedEvent(epoch: string, seq: number, at: number, draft: EventDraft, json: string): FleetEvent {
  const { type, topic, taskId, agentId, payload } = draft
  const event = { seq, cursor: encodeCursor(epoch, seq), type, topic, at, json, payload }
  if (taskId === undefined && agentId === undefined) return event
  return { ...event, ...(taskId !== undefined && { taskId }), ...(agentId !== undefined && { agentId }) }
}

/** The record that a committed event has set. */
export function committedRecord({ topic, type, at, seq, json, payload }: FleetEvent): LogRecord {
  return { topic, type, at, version: seq, json, payload }
}

/** An event from the store. Most are passed on as text alone, so the payload is parsed when it is first looked at. */
export function storedEvent(epoch: string, { taskId, agentId, ...event }: StoredEvent): FleetEvent {
  const cursor = encodeCursor(epoch, event.seq)
  return withPayload({
    ...event,
    cursor,
    ...(taskId !== null && { taskId }),
    ...(agentId !== null && { agentId }),
  })
}

/** A record from the store; its payload is parsed when it is first looked at. What no frame can carry is cut to what one can. */
export function storedRecord(stored: Omit<LogRecord, 'payload' | 'flaw'>): LogRecord {
  const flaw = flawOf(stored.json)
  if (flaw === undefined) return withPayload(stored)
  const payload = cutToFit(stored.json)
  return { ...stored, payload, json: JSON.stringify(payload), flaw }
}

/** An own, enumerable getter: it is there for whoever spreads, compares or serialises the entry. */
function withPayload<T extends { json: string }>(entry: T): T & { readonly payload: unknown } {
  let parsed: { payload: unknown } | undefined
  return Object.defineProperty(entry, 'payload', {
    enumerable: true,
    get() {
      parsed ??= { payload: JSON.parse(entry.json) }
      return parsed.payload
    },
  }) as T & { readonly payload: unknown }
}
