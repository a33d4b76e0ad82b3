import { type EventPayloads, type EventType, eventFlaw, isCustomType } from '@fleetwire/protocol'
import { FLW_ERR_FRAME_OUTBOUND } from '../errors.ts'
import type { EventDraft } from './event-log.ts'

type DraftOptions = Omit<EventDraft, 'type' | 'topic' | 'payload'>

/**
 * A draft whose payload was checked against the schema of its type. This is the one outbound check of an event, before
 * it is stored. Throws FLW_ERR_FRAME_OUTBOUND: a wrong payload is a fault of the caller, never of a client.
 */
export function draftOf<K extends EventType>(
  type: K,
  topic: string,
  payload: EventPayloads[K],
  options: DraftOptions = {},
): EventDraft {
  const flaw = eventFlaw(type, payload)
  if (flaw !== undefined) throw new FLW_ERR_FRAME_OUTBOUND(`${type}: ${flaw}`)
  return { type, topic, payload, ...options }
}

/** Topic prefix of an event that is delivered but not kept: only the newest event of such a topic counts. */
export const LATEST = '$latest.'

/** The draft of such an event; a null payload ends the state that the topic shows. Throws like `draftOf`. */
export function latestDraft<K extends EventType>(type: K, topic: string, payload: EventPayloads[K] | null): EventDraft {
  return payload === null ? { type, topic: LATEST + topic, payload } : draftOf(type, LATEST + topic, payload)
}

/** The draft of an event that a backend publishes: any payload, with a custom type. Throws like `draftOf`. */
export function customDraft(type: string, topic: string, payload: unknown): EventDraft {
  if (!isCustomType(type)) throw new FLW_ERR_FRAME_OUTBOUND(`${type}: not a custom type`)
  return { type, topic, payload }
}
