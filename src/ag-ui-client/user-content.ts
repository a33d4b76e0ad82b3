import type { Message } from '@ag-ui/client'

type UserContent = Extract<Message, { role: 'user' }>['content']

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/**
 * The input of a prompt as what a user says: text as it is, `{ text }` as its text, a list of AG-UI content parts as
 * such, and anything else as JSON.
 */
export function userContent(input: unknown): UserContent {
  if (typeof input === 'string') return input
  if (isObject(input) && typeof input.text === 'string') return input.text
  const isParts =
    Array.isArray(input) && input.length > 0 && input.every(part => isObject(part) && typeof part.type === 'string')
  return isParts ? (input as UserContent) : JSON.stringify(input ?? '')
}
