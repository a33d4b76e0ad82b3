import { constants as os } from 'node:os'
import type { CommandRun } from '@fleetwire/client'
import type { CommandOutcome } from '@fleetwire/protocol'
import type { Clock, Timer } from '../clock.ts'
import type { PtyExit } from '../exec/pty.ts'
import { answerText } from './answer-text.ts'
import { pasted, promptText } from './prompt-keys.ts'
import type { WrapSession } from './wrap-session.ts'

/** What the runner uses of a run. */
export type PromptRun = Pick<CommandRun, 'input' | 'signal' | 'force' | 'waiting' | 'progress' | 'message'>

/** A program that was not seen to work on a prompt, and is silent for so long, has answered it. */
const SETTLED_MS = 2000
/** How often a wait looks again at what nothing tells of: silence. */
const LOOK_MS = 100
const SIGNAL_EXIT = 128

type Ended =
  | { by: 'idle' }
  | { by: 'exit'; exit: PtyExit; interrupted: boolean }
  | { by: 'interrupt' }
  | { by: 'force' }

/**
 * Runs a prompt: waits until the program can take it, types it as if it were pasted, and is done when the program is
 * idle again. What it says that it answered is the output, else what appeared meanwhile. An interrupt presses the key that the program understands.
 */
export function createPromptRunner(
  session: WrapSession,
  clock: Clock,
  {
    onTyped = () => {},
    reportedAnswer = () => undefined,
  }: {
    /** From now on what the program does is about this prompt. */
    onTyped?: () => void
    /** What the program itself says that it answered. */
    reportedAnswer?: () => string | undefined
  } = {},
): (run: PromptRun) => Promise<CommandOutcome> {
  return async run => {
    const text = promptText(run.input)
    if (text === undefined) {
      const message = 'invalid input: a prompt is a text (or an object with a "text"), and not empty.'
      return { status: 'failed', error: { code: 'invalid_input', message } }
    }
    const wait = new PromptWait(session, clock, run)
    const ready = await wait.until(() => session.isReady, `${session.name} is not idle: the prompt is typed when it is`)
    if (ready.by === 'exit') return exited(session.name, ready.exit, {})
    if (ready.by !== 'idle') return { status: 'cancelled' }

    const { screen, manners } = session
    await screen.settled()
    const { lines, cursor } = screen.view()
    const invitation = lines[cursor.row]?.slice(0, cursor.col) ?? ''
    const mark = screen.mark()
    const bracketed = manners.paste === 'bracketed' || (manners.paste === 'auto' && screen.takesBrackets)
    onTyped()
    const typed = session.submit(pasted(text, { bracketed }))
    const answered = await wait.answer(typed)
    await screen.settled()
    const { text: shown, isCut } = screen.since(mark)
    const said = reportedAnswer()
    const seen = answerText(shown, { prompt: text, invitation: isCut || screen.isAlternate ? '' : invitation })
    const output = said ?? seen
    // What the program reports is in its conversation already.
    if (said === undefined && output !== '') {
      const message = run.message()
      message.append(output)
      message.end()
    }
    const told = { output, ...(isCut && said === undefined && { outputTruncated: true }) }
    switch (answered.by) {
      case 'idle':
        return { status: 'succeeded', ...told }
      case 'interrupt':
        return { status: 'cancelled', ...told }
      case 'force':
        return { status: 'cancelled', ...told, detail: `${session.name} did not stop when it was interrupted` }
      case 'exit':
        if (answered.interrupted) return { status: 'cancelled', ...told, exitCode: exitCodeOf(answered.exit) }
        return exited(session.name, answered.exit, told)
      default:
        return answered satisfies never
    }
  }
}

/** As a shell counts it. */
export const exitCodeOf = ({ exitCode, signal }: PtyExit): number =>
  exitCode ?? SIGNAL_EXIT + (signal === undefined ? 0 : os.signals[signal])

/** `vim ended with exit code 1`, `vim was ended by SIGTERM`. */
export function howItEnded(name: string, exit: PtyExit): string {
  const code = exitCodeOf(exit)
  const named = Object.entries(os.signals).find(([, number]) => number === code - SIGNAL_EXIT)
  return named ? `${name} was ended by ${named[0]}` : `${name} ended with exit code ${code}`
}

const exited = (name: string, exit: PtyExit, told: Partial<CommandOutcome>): CommandOutcome => {
  const exitCode = exitCodeOf(exit)
  return exitCode === 0
    ? { status: 'succeeded', ...told, exitCode }
    : { status: 'failed', ...told, exitCode, error: howItEnded(name, exit) }
}

/** Waits for what the session tells of the program, and shows meanwhile what the run waits for. */
class PromptWait {
  readonly #session: WrapSession
  readonly #clock: Clock
  readonly #run: PromptRun
  #shown: string | false = false

  constructor(session: WrapSession, clock: Clock, run: PromptRun) {
    this.#session = session
    this.#clock = clock
    this.#run = run
  }

  /** Until it is so, or the run is over. `why`: told if that is not at once. */
  async until(isSo: () => boolean, why: string): Promise<Ended> {
    if (!isSo()) this.#run.progress({ message: why })
    const ended = await this.#watch(() =>
      isSo() ? { by: 'idle' } : this.#run.signal.aborted ? { by: 'interrupt' } : undefined,
    )
    this.#show(false)
    return ended
  }

  /** Until the program has answered what was typed. */
  async answer(typed: Promise<void>): Promise<Ended> {
    let typedAt: number | undefined
    let hasWorked = false
    let interruptedAt: number | undefined
    void typed.then(() => {
      typedAt = this.#clock.monotonic()
    })
    const ended = await this.#watch(() => {
      const now = this.#clock.monotonic()
      const { work } = this.#session.judge.verdict
      if (this.#run.signal.aborted && interruptedAt === undefined) {
        interruptedAt = now
        this.#session.interrupt()
        return undefined
      }
      if (this.#run.force.aborted) {
        this.#session.interrupt()
        return { by: 'force' }
      }
      const since = interruptedAt ?? typedAt
      if (since === undefined) return undefined
      if (work === 'working' || work === 'waiting') {
        hasWorked = true
        return undefined
      }
      const silentMs = Math.min(this.#session.silentMs, now - since)
      // What was idle before the interrupt says nothing about the time after it.
      const isOver = (hasWorked && interruptedAt === undefined) || silentMs >= SETTLED_MS / (hasWorked ? 4 : 1)
      if (!isOver) return undefined
      return { by: interruptedAt === undefined ? 'idle' : 'interrupt' }
    })
    this.#show(false)
    return ended
  }

  /** Looks whenever something changes, and at intervals. */
  #watch(look: () => Ended | undefined): Promise<Ended> {
    const { promise, resolve } = settled<Ended>()
    let timer: Timer | undefined
    let isOver = false
    const done = (ended: Ended) => {
      isOver = true
      timer?.cancel()
      for (const remove of removers) remove()
      resolve(ended)
    }
    const check = () => {
      if (isOver) return
      const { work, detail, evidence } = this.#session.judge.verdict
      this.#show(
        (work === 'waiting' && detail) || (work === 'waiting' && `${this.#session.name} asks something`),
        evidence,
      )
      const ended = look()
      if (ended !== undefined) done(ended)
    }
    const removers = [this.#session.onVerdict(check), listen(this.#run.signal, check), listen(this.#run.force, check)]
    // Whoever leaves after the program interrupts its runs: that is not why they ended.
    void this.#session.ended.then(exit => isOver || done({ by: 'exit', exit, interrupted: this.#run.signal.aborted }))
    timer = this.#clock.setInterval(check, LOOK_MS)
    check()
    return promise
  }

  #show(detail: string | false, evidence: 'guessed' | 'reported' = 'guessed'): void {
    if (detail === this.#shown) return
    this.#shown = detail
    this.#run.waiting(detail, evidence)
  }
}

function listen(signal: AbortSignal, act: () => void): () => void {
  signal.addEventListener('abort', act)
  return () => signal.removeEventListener('abort', act)
}

function settled<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}
