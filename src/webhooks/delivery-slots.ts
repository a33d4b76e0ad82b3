/**
 * Limits the number of concurrent deliveries. Receivers that failed before get at most half of the slots, so receivers
 * that run into their timeouts never block the others.
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

  /** Resolves with a function that releases the slot, once there is one. First come, first served within each kind. */
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
