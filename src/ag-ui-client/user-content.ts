import type { Message } from '@ag-ui/client'

type UserContent = Extract<Message, { role: 'user' }>['content']

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/**
 * The input of a prompt as the content of a user message: text stays text, `{ text }` becomes its text, a list of AG-UI
 * content parts stays a list, and anything else becomes JSON.
 */
export function userContent(input: unknown): UserContent {
  if (typeof input === 'string') return input
  if (isObject(input) && typeof input.text === 'string') return input.text
  const isParts =
    Array.isArray(input) && input.length > 0 && input.every(part => isObject(part) && typeof part.type === 'string')
  return isParts ? (input as UserContent) : JSON.stringify(input ?? '')
}
