import type { Clock, Timer } from '../clock.ts'
import { type TerminalWait, whoWaits } from './terminal-wait.ts'

export interface InputWatchOptions {
  /** The pid of the leader of the session whose terminal is watched. */
  leader: number
  clock: Clock
  /** `detail`: what the terminal waits for, in words. False: the terminal no longer waits. */
  onChange(detail: string | false): void
}

const FIRST_MS = 250
const LONGEST_MS = 1000
const WHILE_WAITING_MS = 250

/**
 * Checks at intervals whether the foreground program of a terminal waits for somebody to type. It reports so after two
 * checks between which nothing was printed or computed. A single check is enough to see that the program continues.
 */
export class InputWatch {
  readonly #options: InputWatchOptions
  #timer: Timer | undefined
  #delayMs = FIRST_MS
  #printed = false
  #last: TerminalWait | undefined
  #shown: string | undefined

  constructor(options: InputWatchOptions) {
    this.#options = options
    if (process.platform === 'linux') this.#arm()
  }

  /** The terminal printed something. */
  printed(): void {
    this.#printed = true
    this.#delayMs = FIRST_MS
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    const delayMs = this.#shown === undefined ? this.#delayMs : WHILE_WAITING_MS
    this.#delayMs = Math.min(LONGEST_MS, this.#delayMs * 1.5)
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#look()
      this.#arm()
    }, delayMs)
  }

  #look(): void {
    const quiet = !this.#printed
    this.#printed = false
    if (!quiet && this.#shown === undefined) {
      this.#last = undefined
      return
    }
    const before = this.#last
    const seen = whoWaits(this.#options.leader)
    this.#last = seen
    if (seen === undefined) this.#show(undefined)
    else if (quiet && before?.pid === seen.pid && before.cpuTicks === seen.cpuTicks) this.#show(seen.name)
  }

  #show(name: string | undefined): void {
    if (name === this.#shown) return
    this.#shown = name
    this.#options.onChange(name === undefined ? false : `${name} waits for input`)
  }
}
