/** Samples for the schema of one type. */
export interface Sample<P> {
  /** The smallest accepted payload: without any of its fields it is refused. */
  minimal: P
  /**
   * Changes to the minimal payload, and what the refusal says. A test checks for every field that a value of another
   * type is refused.
   */
  refused: readonly (readonly [patch: Record<string, unknown>, message: string])[]
}

export type Samples<M> = { [K in keyof M]: Sample<M[K]> }

const id = 'letters, digits, _ and -, at most 64'
/** Refusals that many types share. */
export const badId = (field: string) => [{ [field]: 'a b' }, `payload.${field}: expected ${id}`] as const
export const badChoice = (field: string, ...allowed: string[]) =>
  [{ [field]: 'none' }, `payload.${field}: expected one of ${allowed.map(value => `"${value}"`).join(', ')}`] as const
