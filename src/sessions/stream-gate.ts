import { topics, type WireError, wireError } from '@fleetwire/protocol'
import { notFound, type Refused, refused } from '../outcome.ts'
import type { OpenMessages } from './open-messages.ts'
import { argsChars, keyOf, type StreamEvent } from './stream-item.ts'

/**
 * Maximum characters that one agent may hold open. Otherwise an agent that never ends its messages would fill the
 * memory.
 */
export const MAX_OPEN_CHARS = 8 * 1024 * 1024

export type Admitted = { status: 'ok'; events: StreamEvent[] } | Refused

/**
 * Checks one agent's frames about messages and tool calls in order, before any of them is stored, so that several can
 * share one append. It ensures that everything that continues or ends in the log has a start.
 */
export class StreamGate {
  readonly #open: OpenMessages
  readonly #maxItems: number
  /** Items that the frames so far begin (true) or end (false). */
  readonly #changed = new Map<string, boolean>()
  #items: number
  #chars: number

  /** `maxItems`: how many items the agent may hold open. */
  constructor(open: OpenMessages, agentId: string, maxItems: number) {
    const { items, chars } = open.tally(agentId)
    this.#open = open
    this.#maxItems = maxItems
    this.#items = items
    this.#chars = chars
  }

  take(event: StreamEvent): Admitted {
    switch (event.type) {
      case 'message:start':
        return this.#begin(event, event.payload.text?.length ?? 0)
      case 'tool:start':
        return this.#begin(event, argsChars(event.payload.args))
      case 'message:delta':
      case 'tool:args':
        return this.#continue(event)
      case 'message:end':
      case 'tool:end':
        return this.#end(event)
    }
  }

  /** Why the text of the previous delta may not continue with this one; everything else was checked for that delta. */
  more(delta: string): WireError | undefined {
    return this.#fits(delta.length) ? undefined : full().error
  }

  #begin(event: StreamEvent, chars: number): Admitted {
    const known = this.#isOpen(event)
    if (!known && this.#items >= this.#maxItems) {
      return tooLarge(`${this.#maxItems} messages and tool calls are already open: end some first.`)
    }
    if (!this.#fits(chars)) return full()
    if (!known) this.#items++
    this.#changed.set(place(event), true)
    return { status: 'ok', events: [event] }
  }

  #continue(event: Extract<StreamEvent, { type: 'message:delta' | 'tool:args' }>): Admitted {
    const begun = this.#ensure(event)
    if (begun.status === 'refused') return begun
    return this.#fits(event.payload.delta.length) ? { status: 'ok', events: [...begun.events, event] } : full()
  }

  #end(event: Extract<StreamEvent, { type: 'message:end' | 'tool:end' }>): Admitted {
    const begun = this.#ensure(event)
    if (begun.status === 'refused') return begun
    this.#changed.set(place(event), false)
    this.#items--
    return { status: 'ok', events: [...begun.events, event] }
  }

  /**
   * A message that continues without a start gets one. For a tool call that is impossible, since nobody would know what
   * it calls.
   */
  #ensure(event: StreamEvent): Admitted {
    if (this.#isOpen(event)) return { status: 'ok', events: [] }
    switch (event.type) {
      case 'message:delta': {
        const { delta, ...of } = event.payload
        return this.#begin({ type: 'message:start', payload: { ...of, role: 'assistant' } }, 0)
      }
      case 'message:end': {
        const { text, incomplete, role = 'assistant', ...of } = event.payload
        if (text === undefined) return notOpen('message', of.messageId)
        return this.#begin({ type: 'message:start', payload: { ...of, role } }, 0)
      }
      case 'tool:args':
      case 'tool:end':
        return notOpen('tool call', event.payload.toolCallId)
      case 'message:start':
      case 'tool:start':
        return { status: 'ok', events: [] }
    }
  }

  #isOpen(event: StreamEvent): boolean {
    const { agentId, sessionId } = event.payload
    const changed = this.#changed.size > 0 ? this.#changed.get(place(event)) : undefined
    return changed ?? this.#open.get(agentId, sessionId, keyOf(event)) !== undefined
  }

  #fits(chars: number): boolean {
    if (this.#chars + chars > MAX_OPEN_CHARS) return false
    this.#chars += chars
    return true
  }
}

const place = (event: StreamEvent): string =>
  `${topics.sessionMessages(event.payload.agentId, event.payload.sessionId)} ${keyOf(event)}`

const tooLarge = (message: string) => refused(wireError('too_large', message))
const full = () =>
  tooLarge(`The open messages and tool calls already hold ${MAX_OPEN_CHARS} characters: end some first.`)
const notOpen = (what: string, id: string) => refused(notFound(`open ${what}`, id))
