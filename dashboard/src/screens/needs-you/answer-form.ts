import type { Interaction } from '@fleetwire/protocol'

/** One field of a form that an agent asks the user to fill in. */
export interface FormField {
  name: string
  label: string
  hint: string | undefined
  required: boolean
  input:
    | { type: 'text'; multiline: boolean }
    | { type: 'number'; integer: boolean; minimum?: number; maximum?: number }
    | { type: 'boolean' }
    | { type: 'choice'; values: readonly string[] }
    | { type: 'json' }
  initial: string
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

/** The fields of a JSON Schema; undefined if it is not an object schema. Unsupported types are entered as JSON. */
export function formFields(schema: Interaction['schema']): FormField[] | undefined {
  if (!isObject(schema) || !isObject(schema.properties)) return undefined
  const required = Array.isArray(schema.required) ? schema.required : []
  return Object.entries(schema.properties).map(([name, property]): FormField => {
    const of = isObject(property) ? property : {}
    const { default: initial } = of
    return {
      name,
      label: textOf(of.title) ?? name,
      hint: textOf(of.description),
      required: required.includes(name),
      input: inputOf(of),
      initial: initial === undefined ? '' : typeof initial === 'string' ? initial : JSON.stringify(initial),
    }
  })
}

function inputOf(property: Record<string, unknown>): FormField['input'] {
  const { type, minimum, maximum } = property
  if (Array.isArray(property.enum) && property.enum.every(value => typeof value === 'string')) {
    return { type: 'choice', values: property.enum }
  }
  if (type === 'string') return { type: 'text', multiline: (numberOf(property.maxLength) ?? 0) > 200 }
  if (type === 'boolean') return { type: 'boolean' }
  if (type !== 'number' && type !== 'integer') return { type: 'json' }
  return {
    type: 'number',
    integer: type === 'integer',
    ...(numberOf(minimum) !== undefined && { minimum: numberOf(minimum)! }),
    ...(numberOf(maximum) !== undefined && { maximum: numberOf(maximum)! }),
  }
}

export type FormResult = { ok: true; answers: Record<string, unknown> } | { ok: false; errors: ByField }

/** Keyed by field name. A map and not an object: an agent may name a field `constructor` or `__proto__`. */
export type ByField = ReadonlyMap<string, string>

/** Converts the typed texts to answers of the schema, or returns an error for each wrong field. */
export function formAnswers(fields: readonly FormField[], typed: ByField): FormResult {
  const errors = new Map<string, string>()
  const answers = new Map<string, unknown>()
  for (const field of fields) {
    const text = typed.get(field.name) ?? field.initial
    const value = answerOf(field, text)
    if ('error' in value) errors.set(field.name, value.error)
    else if (value.of !== undefined) answers.set(field.name, value.of)
  }
  return errors.size === 0 ? { ok: true, answers: Object.fromEntries(answers) } : { ok: false, errors }
}

function answerOf({ input, required, label }: FormField, text: string): { of: unknown } | { error: string } {
  if (input.type === 'boolean') return { of: text === 'true' }
  if (text.trim() === '') return required ? { error: `${label} is required.` } : { of: undefined }
  switch (input.type) {
    case 'text':
    case 'choice':
      return { of: text }
    case 'number': {
      const value = Number(text)
      const { integer, minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = input
      if (!Number.isFinite(value)) return { error: 'Enter a number.' }
      if (integer && !Number.isInteger(value)) return { error: 'Enter a whole number.' }
      if (value < minimum) return { error: `At least ${minimum}.` }
      return value > maximum ? { error: `At most ${maximum}.` } : { of: value }
    }
    case 'json':
      try {
        return { of: JSON.parse(text) }
      } catch {
        return { error: 'Enter JSON, for example ["a", "b"].' }
      }
    default:
      return input satisfies never
  }
}
