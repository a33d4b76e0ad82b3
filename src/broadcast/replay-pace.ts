/** Slices that are handed out in one turn of the event loop: a few ms of writing. */
const SLICES_PER_TURN = 32

/**
 * Whose turn it is among those who catch up. What a thousand wait for comes to all of them in the same moment; handed out
 * at once, it would keep everybody else waiting until all of it is written.
 */
export class ReplayPace {
  readonly #afterTurn: (callback: () => void) => void
  #waiting: (() => void)[] = []
  #left = SLICES_PER_TURN
  #armed = false

  constructor(afterTurn: (callback: () => void) => void) {
    this.#afterTurn = afterTurn
  }

  /** Resolves when one slice more may be handed out, first come, first served. */
  turn(): Promise<void> {
    this.#arm()
    if (this.#left > 0) {
      this.#left--
      return Promise.resolve()
    }
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    this.#afterTurn(() => this.#next())
  }

  #next(): void {
    this.#armed = false
    const served = this.#waiting.splice(0, SLICES_PER_TURN)
    this.#left = SLICES_PER_TURN - served.length
    for (const resolve of served) resolve()
    if (served.length > 0) this.#arm()
  }
}
