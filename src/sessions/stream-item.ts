import {
  type EventPayloads,
  type EventType,
  findTooLarge,
  isDeeper,
  MAX_VALUE_DEPTH,
  type TranscriptItem,
  type TranscriptMessage,
  type TranscriptTool,
} from '@fleetwire/protocol'

export type StreamType = Extract<EventType, `message:${string}` | `tool:${string}`>
export type StreamEvent = { [K in StreamType]: { type: K; payload: EventPayloads[K] } }[StreamType]

const streamTypes: Record<StreamType, true> = {
  'message:start': true,
  'message:delta': true,
  'message:end': true,
  'tool:start': true,
  'tool:args': true,
  'tool:end': true,
}

export function isStreamEvent(event: { type: string; payload: unknown }): event is StreamEvent {
  return Object.hasOwn(streamTypes, event.type)
}

/** The item that the event belongs to, within its session. */
export const keyOf = ({ payload }: StreamEvent): string =>
  'toolCallId' in payload ? `tool ${payload.toolCallId}` : `message ${payload.messageId}`

/** A message or tool call after an event at `at`, epoch ms. Undefined if it was not started. Pure. */
export function advance(item: TranscriptItem | undefined, event: StreamEvent, at: number): TranscriptItem | undefined {
  switch (event.type) {
    case 'message:start':
      return begun(event.payload, at)
    case 'tool:start':
      return called(event.payload, at)
    case 'message:delta':
      return isOpen(item, 'message') ? { ...item, text: item.text + event.payload.delta } : item
    case 'message:end': {
      if (!isOpen(item, 'message')) return item
      const { text = item.text, role = item.role, incomplete } = event.payload
      return { ...item, text, role, state: 'ended', endedAt: at, ...(incomplete !== undefined && { incomplete }) }
    }
    case 'tool:args':
      return isOpen(item, 'tool') ? { ...item, argsText: (item.argsText ?? '') + event.payload.delta } : item
    case 'tool:end':
      return isOpen(item, 'tool') ? returned(item, event.payload, at) : item
  }
}

function begun(start: EventPayloads['message:start'], at: number): TranscriptMessage {
  const { messageId, role, text = '' } = start
  return { kind: 'message', messageId, role, text, state: 'open', startedAt: at, ...concerns(start) }
}

function called(start: EventPayloads['tool:start'], at: number): TranscriptTool {
  const { toolCallId, messageId, name, args } = start
  return {
    ...{ kind: 'tool', toolCallId, name, state: 'open', startedAt: at, ...concerns(start) },
    ...(messageId !== undefined && { messageId }),
    ...(args !== undefined && { args }),
  }
}

function returned(
  { argsText, ...tool }: TranscriptTool,
  { args, result, error }: EventPayloads['tool:end'],
  at: number,
): TranscriptTool {
  const whole = args ?? tool.args ?? parsed(argsText)
  return {
    ...tool,
    state: 'ended',
    endedAt: at,
    ...(whole !== undefined ? { args: whole } : argsText !== undefined && { argsText }),
    ...(result !== undefined && { result }),
    ...(error !== undefined && { error }),
  }
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    // A value that could not be passed on unchanged stays text.
    return isDeeper(value, MAX_VALUE_DEPTH) || findTooLarge(value) !== undefined ? undefined : value
  } catch {
    return undefined
  }
}

function isOpen<K extends TranscriptItem['kind']>(
  item: TranscriptItem | undefined,
  kind: K,
): item is Extract<TranscriptItem, { kind: K }> & { state: 'open' } {
  return item?.kind === kind && item.state === 'open'
}

function concerns({ commandId, taskId }: { commandId?: string; taskId?: string }) {
  return { ...(commandId !== undefined && { commandId }), ...(taskId !== undefined && { taskId }) }
}

interface InSession {
  agentId: string
  sessionId: string
}

/** The events that describe an item to a late joiner: what it is, and its content so far. */
export function eventsSoFar(item: TranscriptItem, { agentId, sessionId }: InSession): StreamEvent[] {
  const of = { agentId, sessionId, ...concerns(item) }
  if (item.kind === 'message') {
    const { messageId, role, text } = item
    return [{ type: 'message:start', payload: { ...of, messageId, role, text } }]
  }
  const call = {
    ...of,
    toolCallId: item.toolCallId,
    ...(item.messageId !== undefined && { messageId: item.messageId }),
  }
  const start = { ...call, name: item.name, ...(item.args !== undefined && { args: item.args }) }
  return [
    { type: 'tool:start', payload: start },
    ...(item.argsText === undefined
      ? []
      : [{ type: 'tool:args' as const, payload: { ...call, delta: item.argsText } }]),
  ]
}

/** The event that ends an item on behalf of its agent. */
export function abandoned(item: TranscriptItem, { agentId, sessionId }: InSession): StreamEvent {
  const of = { agentId, sessionId, ...concerns(item) }
  if (item.kind === 'message') {
    return { type: 'message:end', payload: { ...of, messageId: item.messageId, incomplete: true } }
  }
  const error = { code: 'abandoned', message: 'The agent left before the call returned.' }
  return { type: 'tool:end', payload: { ...of, toolCallId: item.toolCallId, error } }
}

/** Sizes of arguments that were measured before: arguments stay the same object while their call is open. */
const measured = new WeakMap<object, number>()

/** Characters of arguments that arrived as a value. */
export function argsChars(args: unknown): number {
  if (args === undefined) return 0
  if (typeof args !== 'object' || args === null) return String(args).length
  const known = measured.get(args) ?? JSON.stringify(args).length
  measured.set(args, known)
  return known
}

/** Characters that the item holds while it is open. */
export const charsOf = (item: TranscriptItem): number =>
  item.kind === 'message' ? item.text.length : argsChars(item.args) + (item.argsText?.length ?? 0)
