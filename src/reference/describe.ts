import type { TSchema } from '@sinclair/typebox'

/** A type in words. Named types become references. */
export type Words = readonly (string | { ref: string })[]

export interface Field {
  name: string
  optional: boolean
  type: Words
  description?: string
  /** The fields of an unnamed object type. */
  fields: readonly Field[]
}

/** The values that a schema accepts, with its limits. */
export function typeOf(schema: TSchema): Words {
  if (schema.$id !== undefined) return [{ ref: schema.$id }]
  if (schema.const !== undefined) return [JSON.stringify(schema.const)]
  if (schema.anyOf !== undefined) return oneOf(schema.anyOf)
  switch (schema.type) {
    case 'array':
      return ['list of ', ...typeOf(schema.items), ...limits('items', schema.minItems, schema.maxItems)]
    case 'object':
      return valuesOf(schema)
    case 'integer':
    case 'number':
      return [schema.type, ...range(schema)]
    case 'string':
      return ['string', ...limits('characters', schema.minLength, schema.maxLength), ...pattern(schema)]
    case 'boolean':
    case 'null':
      return [schema.type]
    default:
      return ['any JSON']
  }
}

/** The fields of an object, of the objects in a list, or of the objects in a union. */
export function fieldsOf(schema: TSchema): readonly Field[] {
  if (schema.type === 'array') return schema.items.$id === undefined ? fieldsOf(schema.items) : []
  if (schema.anyOf !== undefined) return joined((schema.anyOf as TSchema[]).map(fieldsOf))
  const required = new Set<string>(schema.required)
  return Object.entries((schema.properties ?? {}) as Record<string, TSchema>).map(([name, field]) => ({
    name,
    optional: !required.has(name),
    type: typeOf(field),
    ...(field.description !== undefined && { description: field.description }),
    fields: field.$id === undefined ? fieldsOf(field) : [],
  }))
}

/** Merges the fields of all members of a union. A field that one of them lacks becomes optional. */
function joined(forms: readonly (readonly Field[])[]): readonly Field[] {
  const objects = forms.filter(fields => fields.length > 0)
  const names = new Set(objects.flat().map(({ name }) => name))
  return [...names].map(name => {
    const found = objects.flat().filter(field => field.name === name)
    const types = found.map(({ type }) => type)
    const differ = new Set(types.map(type => JSON.stringify(type))).size > 1
    return {
      ...found[0]!,
      optional: found.length < objects.length || found.some(({ optional }) => optional),
      type: differ ? types.flatMap((type, i) => (i === 0 ? type : [' | ', ...type])) : types[0]!,
    }
  })
}

function oneOf(forms: readonly TSchema[]): Words {
  const separator = forms.every(form => form.const !== undefined) ? ' | ' : ' or '
  return forms.flatMap((form, i) => (i === 0 ? typeOf(form) : [separator, ...typeOf(form)]))
}

/** The values of an object with arbitrary keys. */
function valuesOf({ patternProperties = {}, additionalProperties }: TSchema): Words {
  const [named] = Object.values(patternProperties as Record<string, TSchema>)
  const values = named ?? additionalProperties
  return typeof values === 'object' ? ['object of ', ...typeOf(values)] : ['object']
}

function limits(what: string, min: number | undefined, max: number | undefined): string[] {
  if (min !== undefined && max !== undefined) return [`, ${min} to ${max} ${what}`]
  if (max !== undefined) return [`, at most ${max} ${what}`]
  return min === undefined ? [] : [`, at least ${min} ${what}`]
}

/** MAX_SAFE_INTEGER is the limit of every integer and not worth showing. */
const bound = (value: number | undefined) => (value === Number.MAX_SAFE_INTEGER ? undefined : value)

function range({ minimum, maximum }: TSchema): string[] {
  const max = bound(maximum)
  if (minimum !== undefined && max !== undefined) return [`, ${minimum} to ${max}`]
  if (max !== undefined) return [`, at most ${max}`]
  return minimum === undefined ? [] : [`, at least ${minimum}`]
}

/** The description of a string, if it has one, explains its pattern. */
const pattern = ({ pattern, description }: TSchema): string[] =>
  pattern === undefined || description !== undefined ? [] : [`, matches ${pattern}`]
