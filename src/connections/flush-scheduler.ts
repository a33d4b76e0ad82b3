import type { Clock, Timer } from '../clock.ts'

/** Whatever holds something back until the end of the turn. `flush` must not throw. */
type Target = { flush(): void }

export interface FlushOptions {
  clock: Clock
  /** Under load, at most one flush in this time; the first after a quiet time is never delayed. 0: each turn. */
  flushMs: number
  /** Runs its callback at the end of this turn of the event loop. */
  endOfTurn?: (callback: () => void) => void
}

/**
 * A few ms of system calls. The rest goes on in the next turn: commands come in, and the log writes, while thousands are
 * served; whoever still waits then gets what was added in the meantime in the same write.
 */
const TARGETS_PER_TURN = 128

/**
 * What is written during one turn of the event loop leaves at its end, in one write per socket: the system call is what
 * a delivery costs. `first` runs before the sockets: it hands out what the log told in this turn.
 */
export class FlushScheduler {
  readonly #clock: Clock
  readonly #flushMs: number
  readonly #endOfTurn: (callback: () => void) => void
  readonly #due = new Set<Target>()
  #first: (() => void) | undefined
  #armed = false
  #timer: Timer | undefined
  #flushedAt = Number.NEGATIVE_INFINITY

  constructor(options: FlushOptions) {
    this.#clock = options.clock
    this.#flushMs = options.flushMs
    this.#endOfTurn = options.endOfTurn ?? setImmediate
  }

  set first(callback: (() => void) | undefined) {
    this.#first = callback
  }

  request(target: Target): void {
    this.#due.add(target)
    this.arm()
  }

  /** Now, for what goes along with another write. */
  flush(target: Target): void {
    this.#due.delete(target)
    target.flush()
  }

  /** Makes sure that a flush comes, though no socket asked for one yet. */
  arm(): void {
    if (this.#armed) return
    this.#armed = true
    const waitMs = this.#flushMs === 0 ? 0 : this.#flushedAt + this.#flushMs - this.#clock.monotonic()
    if (waitMs <= 0) this.#endOfTurn(() => this.#run())
    else this.#timer = this.#clock.setTimeout(() => this.#run(), waitMs)
  }

  /** At the end of this turn of the event loop, whatever FLUSH_MS says. */
  afterTurn(callback: () => void): void {
    this.#endOfTurn(callback)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#due.clear()
    this.#first = undefined
  }

  #run(): void {
    // Still armed: what this adds is written below.
    this.#first?.()
    this.#armed = false
    if (this.#flushMs > 0) this.#flushedAt = this.#clock.monotonic()
    const due: Target[] = []
    for (const target of this.#due) {
      if (due.length === TARGETS_PER_TURN) break
      this.#due.delete(target)
      due.push(target)
    }
    if (this.#due.size > 0) {
      this.#armed = true
      this.#endOfTurn(() => this.#run())
    }
    for (const target of due) target.flush()
  }
}
