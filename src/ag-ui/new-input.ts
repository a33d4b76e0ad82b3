import type { RunAgentInput } from '@fleetwire/protocol'
import { resultIdOf } from './messages.ts'

/** The input that a run gives to its agent. */
export interface NewInput {
  text: string
  /** User messages that the agent was not given before. */
  messages: { id: string; text: string }[]
  /** All new messages as the client sent them, including non-text parts and results of tools that it ran. */
  raw: RunAgentInput['messages']
  /** Ids of all messages given to the agent since its last answer, including these. */
  given: string[]
}

const MAX_GIVEN = 200

/**
 * Finds what is new in a history that a client sends as a whole: the messages after the last answer, without those that
 * the agent was given before (`given`, by id), so that nothing reaches it twice after a failed run. If nothing is new
 * but a message follows the last answer, the client wants another answer to it. Undefined: there is nothing to ask.
 */
export function newInput(messages: RunAgentInput['messages'], given: readonly string[]): NewInput | undefined {
  const last = messages.findLastIndex(({ role }) => role === 'assistant')
  // Results of the agent's own tools come back as well, but the agent reported those itself.
  const open = messages
    .slice(last + 1)
    .filter(({ id, role, toolCallId }) => role === 'user' || (role === 'tool' && id !== resultIdOf(toolCallId ?? '')))
  const latest = open.at(-1)
  if (latest === undefined) return undefined
  const unknown = open.filter(({ id }) => !given.includes(id))
  const fresh = unknown.length > 0 ? unknown : [latest]
  return {
    text: fresh.map(({ content }) => textOf(content)).join('\n\n'),
    messages: unknown.filter(({ role }) => role === 'user').map(({ id, content }) => ({ id, text: textOf(content) })),
    raw: fresh,
    given: open.map(({ id }) => id).slice(-MAX_GIVEN),
  }
}

/** The text of a message. An agent that takes text does not get the other parts. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map(part => (typeof part === 'object' && part !== null && part.type === 'text' ? part.text : undefined))
    .filter(text => typeof text === 'string')
    .join('\n')
}
