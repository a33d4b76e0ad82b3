import { encodeCursor } from './cursor.ts'
import { cutToFit, flawOf } from './entry-depth.ts'
import type { EventDraft, FleetEvent, LogRecord } from './event-log.ts'
import type { StoredEvent } from './sqlite-messages.ts'

/** The event that a draft became. Its payload is the given object, not a copy. */
export function committedEvent(epoch: string, seq: number, at: number, draft: EventDraft, json: string): FleetEvent {
  const { type, topic, taskId, agentId, payload } = draft
  const event = { seq, cursor: encodeCursor(epoch, seq), type, topic, at, json, payload }
  if (taskId === undefined && agentId === undefined) return event
  return { ...event, ...(taskId !== undefined && { taskId }), ...(agentId !== undefined && { agentId }) }
}

/** The record that a committed event set. */
export function committedRecord({ topic, type, at, seq, json, payload }: FleetEvent): LogRecord {
  return { topic, type, at, version: seq, json, payload }
}

/** An event from the store. Most are passed on as text only, so the payload is parsed on first use. */
export function storedEvent(epoch: string, { taskId, agentId, ...event }: StoredEvent): FleetEvent {
  const cursor = encodeCursor(epoch, event.seq)
  return withPayload({
    ...event,
    cursor,
    ...(taskId !== null && { taskId }),
    ...(agentId !== null && { agentId }),
  })
}

/** A record from the store. Its payload is parsed on first use, and truncated to what a frame can carry. */
export function storedRecord(stored: Omit<LogRecord, 'payload' | 'flaw'>): LogRecord {
  const flaw = flawOf(stored.json)
  if (flaw === undefined) return withPayload(stored)
  const payload = cutToFit(stored.json)
  return { ...stored, payload, json: JSON.stringify(payload), flaw }
}

/** An own, enumerable getter, so that it survives spreading, comparing and serialising the entry. */
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
