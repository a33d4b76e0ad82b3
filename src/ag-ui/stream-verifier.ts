import type { AgUiEvent } from './ag-ui-event.ts'

/** The kinds of items that can be open in a run. Reasoning has two brackets: a span, and the messages within it. */
type Kind = 'text' | 'tool' | 'span' | 'reasoning' | 'step' | 'subagent'

type StepEvent = { type: 'STEP_STARTED' | 'STEP_FINISHED'; stepName: string; subagentRunId?: string }

interface Open {
  kind: Kind
  key: string
  opener: AgUiEvent
}

/**
 * The ordering rules of AG-UI, as its clients enforce them: pure, and total over every sequence of events. The output
 * is always a stream that clients accept: content for an item that is not open opens the item, a second opener is
 * dropped, the end of a run closes all open items, and nothing follows the end.
 */
export class StreamVerifier {
  #phase: 'before' | 'active' | 'over' = 'before'
  readonly #open = new Map<string, Open>()
  /** The last opener of each tool call: its name is needed to open it again. */
  readonly #calls: Map<string, AgUiEvent>
  readonly #owners = new Map<string, string | undefined>()
  readonly #endedSubagents = new Set<string>()

  /** `before`: the verifier of the previous run, whose tool calls may continue in this one. */
  constructor(before?: StreamVerifier) {
    this.#calls = new Map(before === undefined ? [] : before.#calls)
  }

  get isOver(): boolean {
    return this.#phase === 'over'
  }

  isOpen(kind: Kind, id: string): boolean {
    return this.#open.has(`${kind} ${id}`)
  }

  /** The openers of all open items, in the order in which they were opened. */
  openers(): AgUiEvent[] {
    return [...this.#open.values()].map(({ opener }) => opener)
  }

  /** The closers of all open items, in reverse order of opening. */
  closers(): AgUiEvent[] {
    return [...this.#open.values()].reverse().map(({ kind, key, opener }) => closerOf(kind, key, opener))
  }

  /** The events to send for `event`: itself, after any events that must precede it; or nothing. */
  admit(event: AgUiEvent): AgUiEvent[] {
    if (event.type === 'RUN_STARTED') {
      if (this.#phase !== 'before') return []
      this.#phase = 'active'
      return [event]
    }
    if (event.type === 'RUN_ERROR' && this.#phase !== 'over') {
      const closed = this.#closeAll()
      this.#phase = 'over'
      return [...closed, event]
    }
    if (this.#phase !== 'active') return []
    if (event.type === 'RUN_FINISHED') {
      const closed = this.#closeAll()
      this.#phase = 'over'
      return [...closed, event]
    }
    return this.#within(event)
  }

  #within(event: AgUiEvent): AgUiEvent[] {
    switch (event.type) {
      case 'TEXT_MESSAGE_START':
        return this.#begin('text', event.messageId, event)
      case 'TEXT_MESSAGE_CONTENT':
        return this.#go('text', event.messageId, event, {
          type: 'TEXT_MESSAGE_START',
          messageId: event.messageId,
          role: 'assistant',
        })
      case 'TEXT_MESSAGE_END':
        return this.#end('text', event.messageId, event)
      case 'TOOL_CALL_START':
        this.#calls.set(event.toolCallId, event)
        return this.#begin('tool', event.toolCallId, event)
      case 'TOOL_CALL_ARGS':
        return this.#go('tool', event.toolCallId, event, this.#calls.get(event.toolCallId))
      case 'TOOL_CALL_END':
        return this.#end('tool', event.toolCallId, event)
      case 'REASONING_START':
        return this.#begin('span', event.messageId, event)
      case 'REASONING_MESSAGE_START':
        return this.#begin('reasoning', event.messageId, event)
      case 'REASONING_MESSAGE_CONTENT': {
        const { messageId } = event
        return this.#go('reasoning', messageId, event, {
          type: 'REASONING_MESSAGE_START',
          messageId,
          role: 'reasoning',
        })
      }
      case 'REASONING_MESSAGE_END':
        return this.#end('reasoning', event.messageId, event)
      case 'REASONING_END': {
        const { messageId } = event
        if (!this.isOpen('span', messageId)) return []
        const inner = this.#end('reasoning', messageId, { type: 'REASONING_MESSAGE_END', messageId })
        return [...inner, ...this.#end('span', messageId, event)]
      }
      case 'STEP_STARTED':
        return this.#begin('step', stepKey(event), event)
      case 'STEP_FINISHED':
        return this.#end('step', stepKey(event), event)
      case 'SUBAGENT_STARTED':
        return this.#endedSubagents.has(event.subagentRunId) ? [] : this.#begin('subagent', event.subagentRunId, event)
      case 'SUBAGENT_FINISHED':
      case 'SUBAGENT_ERROR':
        this.#endedSubagents.add(event.subagentRunId)
        return this.#end('subagent', event.subagentRunId, event)
      default:
        return [event]
    }
  }

  #begin(kind: Kind, id: string, event: AgUiEvent): AgUiEvent[] {
    const key = `${kind} ${id}`
    if (this.#open.has(key)) return []
    const opener = this.#owned(kind, id, event)
    this.#open.set(key, { kind, key: id, opener })
    return [opener]
  }

  /** Continues an open item; opens it first if it is not open and there is an opener. */
  #go(kind: Kind, id: string, event: AgUiEvent, opener: AgUiEvent | undefined): AgUiEvent[] {
    if ('delta' in event && event.delta === '') return []
    if (this.isOpen(kind, id)) return [untagged(event)]
    return opener === undefined ? [] : [...this.#begin(kind, id, opener), untagged(event)]
  }

  #end(kind: Kind, id: string, event: AgUiEvent): AgUiEvent[] {
    if (!this.#open.delete(`${kind} ${id}`)) return []
    // Steps and nested agents are identified by their tag, so their closers keep it.
    return [kind === 'step' || kind === 'subagent' ? event : untagged(event)]
  }

  /** An id keeps the tag of its first opener, even when it is opened again. */
  #owned(kind: Kind, id: string, event: AgUiEvent): AgUiEvent {
    if (kind === 'step' || kind === 'subagent') return event
    const key = `${kind === 'span' ? 'reasoning' : kind} ${id}`
    if (!this.#owners.has(key)) this.#owners.set(key, tagOf(event))
    const owner = this.#owners.get(key)
    return owner === tagOf(event)
      ? event
      : ({ ...untagged(event), ...(owner !== undefined && { subagentRunId: owner }) } as AgUiEvent)
  }

  #closeAll(): AgUiEvent[] {
    return this.closers().flatMap(event => this.#within(event))
  }
}

function closerOf(kind: Kind, id: string, opener: AgUiEvent): AgUiEvent {
  switch (kind) {
    case 'text':
      return { type: 'TEXT_MESSAGE_END', messageId: id }
    case 'tool':
      return { type: 'TOOL_CALL_END', toolCallId: id }
    case 'reasoning':
      return { type: 'REASONING_MESSAGE_END', messageId: id }
    case 'span':
      return { type: 'REASONING_END', messageId: id }
    case 'subagent':
      return { type: 'SUBAGENT_FINISHED', subagentRunId: id }
    case 'step':
      return { ...(opener as StepEvent), type: 'STEP_FINISHED' }
  }
}

const tagOf = (event: AgUiEvent): string | undefined => ('subagentRunId' in event ? event.subagentRunId : undefined)

/** A step's name is unique within the nested agent (or the run) that runs it. */
const stepKey = (event: StepEvent): string => JSON.stringify([event.subagentRunId ?? null, event.stepName])

/** Removes the tag of a nested agent: continuations need none, and a wrong one breaks the stream. */
function untagged(event: AgUiEvent): AgUiEvent {
  if (!('subagentRunId' in event) || event.type.startsWith('SUBAGENT_')) return event
  const { subagentRunId: _, ...rest } = event
  return rest as AgUiEvent
}
