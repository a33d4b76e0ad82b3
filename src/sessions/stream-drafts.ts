import type { EventDraft } from '../log/event-log.ts'
import { draftsOf } from './open-messages.ts'
import { keyOf, type StreamEvent } from './stream-item.ts'

/** A joined delta is one event, and a longer one would hold up those behind it. */
const MAX_JOINED_CHARS = 16 * 1024

type Delta = Extract<StreamEvent, { type: 'message:delta' | 'tool:args' }>

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
    if (event.type !== 'message:delta' && event.type !== 'tool:args') this.add(draftsOf(event))
    else if (this.#delta !== undefined && continues(this.#delta, event)) this.#delta.text += event.payload.delta
    else {
      this.#flush()
      this.#delta = { last: event, text: event.payload.delta }
    }
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

const continues = ({ last, text }: { last: Delta; text: string }, { type, payload }: Delta): boolean =>
  last.type === type &&
  last.payload.sessionId === payload.sessionId &&
  keyOf(last) === keyOf({ type, payload } as Delta) &&
  last.payload.commandId === payload.commandId &&
  last.payload.taskId === payload.taskId &&
  text.length + payload.delta.length <= MAX_JOINED_CHARS
