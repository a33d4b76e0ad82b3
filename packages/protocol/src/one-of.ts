import { type TUnsafe, Type } from '@sinclair/typebox'

/** A schema that accepts one of several strings. */
export function OneOf<const T extends readonly string[]>(values: T, description?: string): TUnsafe<T[number]> {
  return Type.Unsafe<T[number]>(
    Type.Union(
      values.map(value => Type.Literal(value)),
      description ? { description } : {},
    ),
  )
}
