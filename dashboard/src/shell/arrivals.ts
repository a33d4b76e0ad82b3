/** What came since the last look. The first look is how things were: none of it is news. */
export class Arrivals {
  #known: ReadonlySet<string> | undefined

  look(ids: readonly string[]): string[] {
    const known = this.#known
    this.#known = new Set(ids)
    return known === undefined ? [] : ids.filter(id => !known.has(id))
  }
}
