import type { TSchema } from '@sinclair/typebox'

/** What is wrong with a value: `path` is a JSON pointer, `message` says what was expected there. */
export interface Flaw {
  path: string
  message: string
}

export interface Check {
  (value: unknown): boolean
  /** The first flaw of a value that the check refused. */
  flaw(value: unknown): Flaw
}

export type Compile = (schema: TSchema) => Check

interface ErrorLike {
  path: string
  message: string
  value: unknown
  errors?: Iterable<ErrorLike>[]
}

/** TypeBox reports a union as one error; the deepest error of its branches says more. */
export function firstFlaw(errors: Iterable<ErrorLike>): Flaw {
  for (const error of errors) {
    if (error.message === 'Expected required property') return { path: error.path, message: 'is required' }
    return { path: error.path, message: error.message.charAt(0).toLowerCase() + error.message.slice(1) }
  }
  return { path: '', message: 'is not valid' }
}
