/** What a schema's table tells of one type. */
export interface Sample<P> {
  /** The least that is accepted: without any of its fields it is refused. */
  minimal: P
  /** Fields put over the minimal payload, and what the refusal says. That each field refuses another type is checked of all. */
  refused: readonly (readonly [patch: Record<string, unknown>, message: string])[]
}

export type Samples<M> = { [K in keyof M]: Sample<M[K]> }

const id = 'letters, digits, _ and -, at most 64'
/** Refusals that many types share. */
export const badId = (field: string) => [{ [field]: 'a b' }, `payload.${field}: expected ${id}`] as const
export const badChoice = (field: string, ...allowed: string[]) =>
  [{ [field]: 'none' }, `payload.${field}: expected one of ${allowed.map(value => `"${value}"`).join(', ')}`] as const
