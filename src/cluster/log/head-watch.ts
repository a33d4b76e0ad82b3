import type { Clock } from '../../clock.ts'
import { decodeCursor } from '../../log/cursor.ts'
import type { EventLog, Unfollow } from '../../log/event-log.ts'

interface Waiter {
  seq: number
  settle: (isReached: boolean) => void
}

/** Notifies waiters when a log has reached a position. */
export class HeadWatch {
  readonly #log: Pick<EventLog, 'head' | 'follow'>
  readonly #clock: Clock
  readonly #waiters = new Set<Waiter>()
  readonly #unfollow: Unfollow

  constructor(log: Pick<EventLog, 'head' | 'follow'>, clock: Clock) {
    this.#log = log
    this.#clock = clock
    this.#unfollow = log.follow(() => this.#look())
  }

  /** The `seq` of the newest event that followers received. */
  get seq(): number {
    return decodeCursor(this.#log.head)?.seq ?? 0
  }

  /** Resolves with true once all followers of the log received everything up to this `seq`; with false on timeout. */
  reached(seq: number, timeoutMs: number): Promise<boolean> {
    if (this.seq >= seq) return Promise.resolve(true)
    return new Promise(resolve => {
      const settle = (isReached: boolean) => {
        timer.cancel()
        this.#waiters.delete(waiter)
        resolve(isReached)
      }
      const waiter = { seq, settle }
      const timer = this.#clock.setTimeout(() => settle(false), timeoutMs)
      this.#waiters.add(waiter)
    })
  }

  stop(): void {
    this.#unfollow()
    for (const { settle } of this.#waiters) settle(false)
  }

  #look(): void {
    if (this.#waiters.size === 0) return
    const { seq } = this
    for (const waiter of this.#waiters) if (waiter.seq <= seq) waiter.settle(true)
  }
}
