/** Runs its callback at the end of this turn of the event loop. */
export type AfterTurn = (callback: () => void) => void

/**
 * Spreads work over turns of the event loop, first come, first served. Serving a thousand simultaneous requests at once
 * would block everything else until all of them are done, so only `perTurn` are served in each turn.
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

  /** Calls back when it is the caller's turn: at once if nobody waits and this turn has room. */
  take(served: () => void): void {
    this.#arm()
    if (this.#left > 0) {
      this.#left--
      served()
    } else this.#waiting.push(served)
  }

  /** Resolves when it is the caller's turn. */
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
