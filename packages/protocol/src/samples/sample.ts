/** Samples for the schema of one type. */
export interface Sample<P> {
  /** The smallest accepted payload: it is refused if any of its fields is missing. */
  minimal: P
  /**
   * Changes to the minimal payload, and the refusal's message. A test also checks that every field refuses a value of
   * another type.
   */
  refused: readonly (readonly [patch: Record<string, unknown>, message: string])[]
}

export type Samples<M> = { [K in keyof M]: Sample<M[K]> }

const id = 'letters, digits, _ and -, at most 64'
/** Refusals that many types share. */
export const badId = (field: string) => [{ [field]: 'a b' }, `payload.${field}: expected ${id}`] as const
export const badChoice = (field: string, ...allowed: string[]) =>
  [{ [field]: 'none' }, `payload.${field}: expected one of ${allowed.map(value => `"${value}"`).join(', ')}`] as const
