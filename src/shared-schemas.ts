import { isObject } from './is-object.ts'

type Json = Record<string, unknown>

const idOf = (value: unknown): string | undefined =>
  isObject(value) && typeof value.$id === 'string' ? value.$id : undefined

export interface SharedSchemas {
  /** The schemas that have an `$id`, with references to one another. */
  schemas: (Json & { $id: string })[]
  /** Copies a schema, replacing every shared schema in it by a reference. */
  refer<T>(schema: T): T
}

/** TypeBox inlines a schema wherever it is used; in a document, each is defined once and referenced elsewhere. */
export function shareSchemas(candidates: readonly unknown[], refTo = (id: string) => `${id}#`): SharedSchemas {
  const ids = new Set(candidates.map(idOf).filter(id => id !== undefined))

  function refer(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(refer)
    if (!isObject(value)) return value
    const id = idOf(value)
    return id !== undefined && ids.has(id) ? { $ref: refTo(id) } : members(value)
  }
  // Most schemas are constants of a module that every app of the process shares.
  const known = new WeakMap<Json, Json>()
  function members(schema: Json): Json {
    let made = known.get(schema)
    if (made === undefined) {
      made = Object.fromEntries(Object.entries(schema).map(([name, member]) => [name, refer(member)]))
      known.set(schema, made)
    }
    return made
  }

  return {
    schemas: candidates.flatMap(schema => {
      const $id = idOf(schema)
      return $id === undefined ? [] : [{ ...members(schema as Json), $id }]
    }),
    refer: schema => refer(schema) as typeof schema,
  }
}
