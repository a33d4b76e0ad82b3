/** Runs its callback at the end of this turn of the event loop. */
export type AfterTurn = (callback: () => void) => void

/**
 * Whose turn it is, first come, first served. What a thousand ask for in the same moment would, done at once, keep
 * everybody else waiting until all of it is done; here so many are served in each turn of the event loop.
 */
export class TurnPace {
  readonly #perTurn: number
  readonly #afterTurn: AfterTurn
  #waiting: (() => void)[] = []
  #left: number
  #armed = false

  constructor(perTurn: number, afterTurn: AfterTurn) {
    this.#perTurn = perTurn
    this.#afterTurn = afterTurn
    this.#left = perTurn
  }

  /** Calls back when it is their turn: at once where nobody waits and this turn has room. */
  take(served: () => void): void {
    this.#arm()
    if (this.#left > 0) {
      this.#left--
      served()
    } else this.#waiting.push(served)
  }

  /** Resolves when it is their turn. */
  turn(): Promise<void> {
    return new Promise(resolve => this.take(resolve))
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    this.#afterTurn(() => this.#next())
  }

  #next(): void {
    this.#armed = false
    const served = this.#waiting.splice(0, this.#perTurn)
    this.#left = this.#perTurn - served.length
    if (served.length > 0) this.#arm()
    for (const callback of served) callback()
  }
}
