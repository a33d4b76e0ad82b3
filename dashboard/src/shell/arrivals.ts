/** Finds ids that are new since the last look. The first look returns none. */
export class Arrivals {
  #known: ReadonlySet<string> | undefined

  look(ids: readonly string[]): string[] {
    const known = this.#known
    this.#known = new Set(ids)
    return known === undefined ? [] : ids.filter(id => !known.has(id))
  }
}
