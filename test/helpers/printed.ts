/** Collects output piece by piece, and lets callers wait for parts of it. */
export class Printed {
  readonly #waiting = new Set<() => void>()
  #text = ''

  get text(): string {
    return this.#text
  }

  add(chunk: Uint8Array): void {
    this.#text += Buffer.from(chunk).toString()
    for (const look of this.#waiting) look()
  }

  /** Resolves when the text matches. Rejects if `ended` is given and resolves first. */
  matching(pattern: RegExp, ended?: Promise<unknown>): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = this.#text.match(pattern)
        if (match === null) return
        this.#waiting.delete(look)
        resolve(match)
      }
      this.#waiting.add(look)
      void ended?.then(() => reject(new Error(`ended before it printed ${pattern}: ${this.#text}`)), reject)
      look()
    })
  }
}
