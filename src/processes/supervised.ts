import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Clock, Timer } from '../clock.ts'

export interface SupervisedOptions {
  name: string
  clock: Clock
  spawn(): ChildProcess
  /** The pause before a restart. It doubles while the process ends soon after its starts. */
  pauseMs: number
  /** Called for each start. */
  onStart?(child: ChildProcess): void
  /** Called when the process has ended by itself. `how`: its signal or exit code. Returns whether to restart it. */
  onEnd(end: { how: string; pauseMs: number }): boolean
}

const MAX_PAUSE_MS = 10_000
/** A process that ran for this long did not end because of how it was started. */
const STEADY_MS = 10_000

/** A process that is restarted whenever it ends, until it is stopped. */
export class Supervised {
  readonly #options: SupervisedOptions
  #child: ChildProcess | undefined
  #pauseMs: number
  #startedAt = 0
  #restart: Timer | undefined
  #isStopping = false

  constructor(options: SupervisedOptions) {
    this.#options = options
    this.#pauseMs = options.pauseMs
  }

  /** Undefined between an end and the next start. */
  get child(): ChildProcess | undefined {
    return this.#child
  }

  start(): void {
    const { clock, spawn, onStart } = this.#options
    this.#restart = undefined
    this.#startedAt = clock.monotonic()
    const child = spawn()
    this.#child = child
    // A program that cannot be started emits an error, and no exit.
    child.once('error', error => this.#ended(child, error.message))
    child.once('exit', (code, signal) => this.#ended(child, signal ?? `exit code ${code}`))
    onStart?.(child)
  }

  /** Asks the process to end, and kills it if that takes longer. Resolves when it is gone; it is not restarted. */
  async stop(withinMs: number): Promise<void> {
    this.#isStopping = true
    this.#restart?.cancel()
    const child = this.#child
    if (child === undefined) return
    const ended = once(child, 'exit')
    const deadline = this.#options.clock.setTimeout(() => child.kill('SIGKILL'), withinMs)
    child.kill('SIGTERM')
    await ended
    deadline.cancel()
  }

  #ended(child: ChildProcess, how: string): void {
    if (this.#child !== child) return
    this.#child = undefined
    if (this.#isStopping) return
    const { clock, pauseMs, onEnd } = this.#options
    const isSteady = clock.monotonic() - this.#startedAt >= STEADY_MS
    this.#pauseMs = isSteady ? pauseMs : this.#pauseMs
    if (!onEnd({ how, pauseMs: this.#pauseMs })) return
    this.#restart = clock.setTimeout(() => this.start(), this.#pauseMs)
    this.#pauseMs = Math.min(this.#pauseMs * 2, Math.max(MAX_PAUSE_MS, pauseMs))
  }
}
