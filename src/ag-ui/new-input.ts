import type { RunAgentInput } from '@fleetwire/protocol'
import { resultIdOf } from './messages.ts'

/** What a run gives to its agent. */
export interface NewInput {
  text: string
  /** Messages of the user that the agent was not given before. */
  messages: { id: string; text: string }[]
  /** All that is new, as the client sent it: with parts that are no text, and results of tools that it ran. */
  raw: RunAgentInput['messages']
  /** Ids of all that it was given since it last answered, with these. */
  given: string[]
}

const MAX_GIVEN = 200

/**
 * What is new in a history that a client sends whole: what follows the last answer, without what the agent was given
 * before (`given`, by ids), so that nothing reaches it twice after a run that failed. If nothing is new but something
 * follows the last answer, the client wants another answer to that. Undefined: nothing is asked.
 */
export function newInput(messages: RunAgentInput['messages'], given: readonly string[]): NewInput | undefined {
  const last = messages.findLastIndex(({ role }) => role === 'assistant')
  // Results of the agent's own tools come back as well: it told them.
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

/** The text of a message; its other parts are not for an agent that takes text. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map(part => (typeof part === 'object' && part !== null && part.type === 'text' ? part.text : undefined))
    .filter(text => typeof text === 'string')
    .join('\n')
}
