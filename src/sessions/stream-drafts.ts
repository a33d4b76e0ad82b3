import type { EventPayloads } from '@fleetwire/protocol'
import type { EventDraft } from '../log/event-log.ts'
import { draftsOf } from './open-messages.ts'
import type { StreamEvent } from './stream-item.ts'

/** A joined delta is one event; a longer one would delay the events behind it. */
const MAX_JOINED_CHARS = 16 * 1024

type Delta = Extract<StreamEvent, { type: 'message:delta' | 'tool:args' }>
/** A delta, as an event or as an agent's frame. */
type DeltaLike = { [K in Delta['type']]: { type: K; payload: Omit<EventPayloads[K], 'agentId'> } }[Delta['type']]

/**
 * Collects the drafts of several frames of an agent for one append, in their order. Adjacent deltas of the same text
 * become one event: the busier the disk, the shorter the log of a long answer.
 */
export class StreamDrafts {
  readonly #drafts: EventDraft[] = []
  #delta: { last: Delta; text: string } | undefined

  add(drafts: readonly EventDraft[]): void {
    if (drafts.length === 0) return
    this.#flush()
    this.#drafts.push(...drafts)
  }

  addEvent(event: StreamEvent): void {
    if (!isDelta(event)) this.add(draftsOf(event))
    else if (this.#delta !== undefined && continues(this.#delta, event)) this.goOn(event.payload.delta)
    else {
      this.#flush()
      this.#delta = { last: event, text: event.payload.delta }
    }
  }

  /** Whether it continues the text of the last delta that was added. */
  isContinuedBy(next: { type: string }): next is DeltaLike {
    return this.#delta !== undefined && isDelta(next) && continues(this.#delta, next)
  }

  /** Only after `isContinuedBy` returned true. */
  goOn(delta: string): void {
    this.#delta!.text += delta
  }

  /** All drafts; nothing may be added after this. */
  take(): EventDraft[] {
    this.#flush()
    return this.#drafts
  }

  #flush(): void {
    if (this.#delta === undefined) return
    const { last, text } = this.#delta
    this.#drafts.push(...draftsOf({ ...last, payload: { ...last.payload, delta: text } } as Delta))
    this.#delta = undefined
  }
}

/** Whether it is a piece of a text that continues. */
export const isDelta = <T extends { type: string }>(event: T): event is T & DeltaLike =>
  event.type === 'message:delta' || event.type === 'tool:args'

/** Compares the ids one by one, since this runs for every part of every answer. */
const continues = ({ last, text }: { last: Delta; text: string }, { type, payload }: DeltaLike): boolean =>
  last.type === type &&
  idOf(last.payload) === idOf(payload) &&
  last.payload.sessionId === payload.sessionId &&
  last.payload.commandId === payload.commandId &&
  last.payload.taskId === payload.taskId &&
  text.length + payload.delta.length <= MAX_JOINED_CHARS

/** The id, unique within its type. */
const idOf = (payload: DeltaLike['payload']) => ('toolCallId' in payload ? payload.toolCallId : payload.messageId)
