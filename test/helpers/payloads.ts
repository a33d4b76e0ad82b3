import type { TSchema } from '@sinclair/typebox'

/** Values of fields by name, for fields that need a meaningful value rather than one that is merely valid. */
export type Named = Record<string, unknown>

const isFree = ({ type, pattern, maxLength }: TSchema) => type === 'string' && !pattern && (maxLength ?? 1e9) > 10_000
const isAny = (schema: TSchema) => ['type', 'anyOf', 'const'].every(key => schema[key] === undefined)

/** The smallest value that a schema accepts. `i` distinguishes the items of a list. */
export function leastOf(schema: TSchema, named: Named, key = '', i?: number): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.anyOf !== undefined) return leastOf(schema.anyOf[0], named, key, i)
  if (i === undefined && named[key] !== undefined) return named[key]
  switch (schema.type) {
    case 'string':
      return schema.pattern?.includes('A-Z') ? `x${i ?? ''}` : 'x'.repeat(schema.minLength ?? 1)
    case 'integer':
    case 'number':
      return schema.minimum ?? 0
    case 'boolean':
      return true
    case 'array':
      return []
    case 'object': {
      const fields = Object.entries((schema.properties ?? {}) as Record<string, TSchema>)
      const required = fields.filter(([name]) => schema.required?.includes(name) || named[name] !== undefined)
      return Object.fromEntries(required.map(([name, field]) => [name, leastOf(field, named, name, i)]))
    }
    default:
      return null
  }
}

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: Math.floor(count) }, (_, i) => make(i))

/** A way of being large. The value is created on demand, because each takes megabytes. */
type Way = [how: string, make: () => unknown]

/** Texts of about this many bytes as JSON: some are long in memory, others grow when they are serialized again. */
const texts = (bytes: number): Way[] => [
  ['text', () => 'x'.repeat(bytes)],
  ['control characters', () => '\u0001'.repeat(bytes / 6)],
  ['quotes', () => '"'.repeat(bytes / 2)],
  ['emojis', () => '😀'.repeat(bytes / 4)],
  ['lone surrogates', () => '\ud800'.repeat(bytes / 6)],
]

const nested = (levels: number): unknown =>
  levels === 0 ? 0 : levels % 2 === 0 ? [nested(levels - 1)] : { a: nested(levels - 1) }

/** Values of about this many bytes: many small items, of every kind in JSON. */
const values = (bytes: number): Way[] => [
  ...texts(bytes),
  ['numbers', () => times(bytes / 2, () => 0)],
  ['empty arrays', () => times(bytes / 3, () => [])],
  ['empty objects', () => times(bytes / 3, () => ({}))],
  ['empty texts', () => times(bytes / 3, () => '')],
  ['keys', () => Object.fromEntries(times(bytes / 11, i => [`k${i}`, 0]))],
  ['numbered keys', () => Object.fromEntries(times(bytes / 10, i => [i, 0]))],
  ['deep values', () => times(bytes / 250, () => nested(60))],
]

/** Payloads of a schema that are as large as `bytes` allows, each in one field and one way. */
export function* largestOf(schema: TSchema, bytes: number, named: Named, key = ''): Generator<Way> {
  if (schema.anyOf !== undefined) {
    for (const branch of schema.anyOf) yield* largestOf(branch, bytes, named, key)
  } else if (isFree(schema)) yield* texts(bytes)
  else if (isAny(schema)) yield* values(bytes)
  else if (schema.type === 'array') {
    const itemBytes = JSON.stringify(leastOf(schema.items, {}, '', 99_999)).length + 1
    const count = Math.min(schema.maxItems ?? 1e9, Math.floor(bytes / itemBytes))
    const items = (count: number) => times(count, i => leastOf(schema.items, {}, '', i))
    yield [`${count} items`, () => items(count)]
    yield [`${count} items, the last one invalid`, () => [...items(count - 1), false]]
    for (const [how, item] of largestOf(schema.items, bytes, named)) yield [`an item of ${how}`, () => [item()]]
  } else if (schema.type === 'object') {
    const least = leastOf(schema, named, key) as object
    for (const [name, field] of Object.entries((schema.properties ?? {}) as Record<string, TSchema>)) {
      for (const [how, value] of largestOf(field, bytes, named, name))
        yield [`${name}: ${how}`, () => ({ ...least, [name]: value() })]
    }
    const others: TSchema | undefined =
      Object.values((schema.patternProperties ?? {}) as Record<string, TSchema>)[0] ?? schema.additionalProperties
    if (typeof others === 'object') {
      const keys = (count: number) => Object.fromEntries(times(count, i => [`k${i}`, leastOf(others, {})]))
      const { maxProperties } = schema
      if (maxProperties !== undefined) yield [`${maxProperties} keys`, () => keys(maxProperties)]
      yield ['as many keys as fit', () => keys(bytes / 16)]
    }
  }
}
