const WINDOW_MS = 1000
/** Blocks per second. Above this, they scroll out of view before anybody can read them. */
const FAST = 12

/** Measures how fast a text grows, in blocks. Blocks that exist when it is first shown do not count. */
export class Pace {
  #count: number | undefined
  #since = 0
  #before = 0
  #now = 0

  note(count: number, at: number): void {
    if (this.#count === undefined || count < this.#count) this.#count = count
    if (at - this.#since >= WINDOW_MS) {
      this.#before = at - this.#since < 2 * WINDOW_MS ? this.#now : 0
      this.#now = 0
      this.#since = at
    }
    this.#now += count - this.#count
    this.#count = count
  }

  get isFast(): boolean {
    return Math.max(this.#before, this.#now) > FAST
  }
}
