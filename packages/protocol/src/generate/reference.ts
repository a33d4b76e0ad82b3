import type { TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Flaw } from '../check/rules.ts'

/**
 * The flaws that the generated check of a schema may report: everything that TypeBox finds wrong, in our words. Empty
 * if nothing is wrong.
 */
export const referenceFlaws = (schema: TSchema, value: unknown): Flaw[] =>
  Value.Check(schema, value) ? [] : flawsOf(Value.Errors(schema, value))

/** A TypeBox error. `errors` has those of each branch of a union. */
interface ErrorLike {
  path: string
  message: string
  value: unknown
  schema: TSchema
  errors: Iterable<ErrorLike>[]
}

const flawsOf = (errors: Iterable<ErrorLike>): Flaw[] => [...errors].flatMap(wordsFor)

/** Words an error so that it helps the sender. */
function wordsFor(error: ErrorLike): Flaw[] {
  const { path, message, schema } = error
  if (schema.anyOf !== undefined) return unionFlaws(error)
  if (message === 'Expected required property') return [{ path, message: 'is required' }]
  if (schema.pattern !== undefined && schema.description !== undefined && typeof error.value === 'string') {
    return [{ path, message: `expected ${lowerFirst(schema.description)}` }]
  }
  return [{ path, message: lowerFirst(message) }]
}

/**
 * TypeBox only says "expected union value". Reports the errors of the branch that the sender meant or, if that is
 * unknown, the list of branches.
 */
function unionFlaws({ path, value, schema, errors }: ErrorLike): Flaw[] {
  if (value === undefined) return [{ path, message: 'is required' }]
  const forms: TSchema[] = schema.anyOf
  if (forms.every(form => form.const !== undefined)) return oneOf(path, forms)
  const alike = forms.filter(form => form.type === typeName(value))
  const [first] = alike
  if (first === undefined)
    return [{ path, message: `expected ${[...new Set(forms.map(form => form.type))].join(' or ')}` }]
  const tag = Object.keys(first.properties ?? {}).find(key => alike.every(form => tagOf(form, key) !== undefined))
  const meant =
    tag === undefined ? first : alike.find(form => tagOf(form, tag) === (value as Record<string, unknown>)[tag])
  if (meant !== undefined) return flawsOf(errors[forms.indexOf(meant)]!)
  return oneOf(
    `${path}/${tag}`,
    alike.map(form => form.properties[tag!]),
  )
}

const oneOf = (path: string, constants: TSchema[]): Flaw[] => [
  { path, message: `expected one of ${constants.map(constant => JSON.stringify(constant.const)).join(', ')}` },
]
const tagOf = (form: TSchema, key: string): unknown => form.properties?.[key]?.const
const typeName = (value: unknown) => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value)
const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)
