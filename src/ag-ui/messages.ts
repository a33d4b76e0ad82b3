import type { TranscriptItem } from '@fleetwire/protocol'
import type { AgUiMessage, AgUiTextRole } from './ag-ui-event.ts'
import { idOf } from './ag-ui-run.ts'

const textRoles: readonly string[] = ['developer', 'system', 'assistant', 'user'] satisfies AgUiTextRole[]
/** Role names that agents use for reasoning. */
const reasoningRoles: readonly string[] = ['reasoning', 'thinking', 'thought', 'analysis']

export const isReasoning = (role: string): boolean => reasoningRoles.includes(role.toLowerCase())

/** Clients abort a run over a role that they do not know. */
export const textRoleOf = (role: string): AgUiTextRole =>
  textRoles.includes(role) ? (role as AgUiTextRole) : 'assistant'

/** The result of a call is a separate message. Its id is derived, so it stays the same in each replay. */
export const resultIdOf = (toolCallId: string): string => `${toolCallId}-result`

/** The JSON of a call's arguments, as far as known. */
export function argumentsOf({ args, argsText, state }: Extract<TranscriptItem, { kind: 'tool' }>): string {
  if (args !== undefined) return JSON.stringify(args)
  return argsText ?? (state === 'ended' ? '{}' : '')
}

/** The result of a call, as text. */
export function resultText({
  result,
  error,
}: Pick<Extract<TranscriptItem, { kind: 'tool' }>, 'result' | 'error'>): string {
  if (error !== undefined) return errorText(error)
  if (result === undefined) return ''
  return typeof result === 'string' ? result : JSON.stringify(result)
}

export const errorText = (error: string | { message: string }): string =>
  typeof error === 'string' ? error : error.message

/**
 * The thread's messages: the known ones from before, followed by the items of a session in their order. An item with
 * the id of a known message replaces that message. `hasResult`: whether the result of an ended call is included.
 */
export function messagesOf(
  before: readonly AgUiMessage[],
  items: Iterable<TranscriptItem>,
  hasResult: (item: Extract<TranscriptItem, { kind: 'tool' }>) => boolean = () => true,
): AgUiMessage[] {
  const messages = new Map(before.map(message => [message.id, message]))
  const results = new Map<string, AgUiMessage>()
  for (const item of items) {
    if (item.kind === 'message') putText(messages, item)
    else {
      putCall(messages, item)
      if (item.state !== 'ended' || !hasResult(item)) continue
      const { toolCallId } = item
      results.set(toolCallId, { id: resultIdOf(toolCallId), role: 'tool', toolCallId, content: resultText(item) })
    }
  }
  return withResults([...messages.values()], results)
}

function putText(
  messages: Map<string, AgUiMessage>,
  { messageId, role, text }: Extract<TranscriptItem, { kind: 'message' }>,
) {
  const known = messages.get(messageId)
  if (isReasoning(role)) messages.set(messageId, { id: messageId, role: 'reasoning', content: text })
  else
    messages.set(messageId, {
      ...(known?.role === 'assistant' && known),
      id: messageId,
      role: textRoleOf(role),
      content: text,
    })
}

/** Puts a call into the message that requests it, or else into a separate message. */
function putCall(messages: Map<string, AgUiMessage>, item: Extract<TranscriptItem, { kind: 'tool' }>): void {
  const { toolCallId, name } = item
  const call = { id: toolCallId, type: 'function' as const, function: { name, arguments: argumentsOf(item) } }
  for (const [id, message] of messages) {
    if (!message.toolCalls?.some(({ id }) => id === toolCallId)) continue
    messages.set(id, {
      ...message,
      toolCalls: message.toolCalls.map(other => (other.id === toolCallId ? call : other)),
    })
    return
  }
  const parentId = item.messageId !== undefined && fits(messages.get(item.messageId)) ? item.messageId : toolCallId
  const parent = messages.get(parentId) ?? { id: parentId, role: 'assistant' }
  messages.set(parentId, { ...parent, toolCalls: [...(parent.toolCalls ?? []), call] })
}

const fits = (parent: AgUiMessage | undefined) => parent === undefined || parent.role === 'assistant'

/** Puts each result right after the message with its call: models refuse other histories. */
function withResults(messages: AgUiMessage[], results: Map<string, AgUiMessage>): AgUiMessage[] {
  const answered = new Set(
    messages.flatMap(({ role, toolCallId }) => (role === 'tool' && toolCallId ? [toolCallId] : [])),
  )
  const all: AgUiMessage[] = []
  for (const message of messages) {
    all.push(message)
    for (const { id } of message.toolCalls ?? []) {
      const result = results.get(id)
      if (result !== undefined && !answered.has(id)) all.push(result)
    }
  }
  return all
}

/** The messages that a client sent, without invalid ones. They are sent back to clients unchanged. */
export function knownMessages(messages: readonly unknown[]): AgUiMessage[] {
  return messages.filter(
    (message): message is AgUiMessage =>
      typeof message === 'object' && message !== null && 'id' in message && typeof message.id === 'string',
  )
}

/**
 * The messages of a thread for a client that sent its own: first those, unchanged, since some are not in the log (role
 * `system`, or with non-text parts), then the messages that it does not have.
 */
export function mergedMessages(own: readonly AgUiMessage[], logged: readonly AgUiMessage[]): AgUiMessage[] {
  const known = new Set(own.flatMap(({ id }) => [id, idOf(id)]))
  return [...own, ...logged.filter(({ id }) => !known.has(id))]
}
