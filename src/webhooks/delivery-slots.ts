/**
 * How many deliveries are under way at once. Those to receivers that failed before get at most half of the places, so
 * receivers that let everybody wait for their timeout never keep the others from theirs.
 */
export class DeliverySlots {
  readonly #all: number
  readonly #slow: number
  #taken = 0
  #takenBySlow = 0
  readonly #waiting: { isSlow: boolean; start: () => void }[] = []

  constructor(places: number) {
    this.#all = places
    this.#slow = Math.max(1, Math.floor(places / 2))
  }

  /** Resolves with the function that gives the place back, once there is one. In the order of asking, of each kind. */
  take(isSlow: boolean): Promise<() => void> {
    return new Promise(resolve => {
      this.#waiting.push({ isSlow, start: () => resolve(this.#occupy(isSlow)) })
      this.#next()
    })
  }

  #occupy(isSlow: boolean): () => void {
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#taken--
      if (isSlow) this.#takenBySlow--
      this.#next()
    }
  }

  #next(): void {
    for (;;) {
      if (this.#taken >= this.#all) return
      const at = this.#waiting.findIndex(({ isSlow }) => !isSlow || this.#takenBySlow < this.#slow)
      if (at === -1) return
      const [entry] = this.#waiting.splice(at, 1)
      this.#taken++
      if (entry!.isSlow) this.#takenBySlow++
      entry!.start()
    }
  }
}
