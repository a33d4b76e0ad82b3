import { constants as os } from 'node:os'
import type { CommandRun } from '@fleetwire/client'
import type { CommandOutcome } from '@fleetwire/protocol'
import type { Clock, Timer } from '../clock.ts'
import type { PtyExit } from '../exec/pty.ts'
import { answerText } from './answer-text.ts'
import { pasted, promptText } from './prompt-keys.ts'
import type { WrapSession } from './wrap-session.ts'

/** The parts of a run that the runner uses. */
export type PromptRun = Pick<CommandRun, 'input' | 'signal' | 'force' | 'waiting' | 'progress' | 'message'>

/** A program that never appeared to work on a prompt counts as done after this much silence. */
const SETTLED_MS = 2000
/** Interval of the checks for silence, which causes no events. */
const LOOK_MS = 100
const SIGNAL_EXIT = 128

type Ended =
  | { by: 'idle' }
  | { by: 'exit'; exit: PtyExit; interrupted: boolean }
  | { by: 'interrupt' }
  | { by: 'force' }

/**
 * Runs a prompt: waits until the program can take it, types it as pasted text, and is done when the program is idle
 * again. The output is the answer that the program reported, else the text that appeared on its screen. An interrupt
 * presses the program's own interrupt key.
 */
export function createPromptRunner(
  session: WrapSession,
  clock: Clock,
  {
    onTyped = () => {},
    reportedAnswer = () => undefined,
  }: {
    /** Called when the prompt is typed: from then on, the program works on it. */
    onTyped?: () => void
    /** The answer that the program itself reported. */
    reportedAnswer?: () => string | undefined
  } = {},
): (run: PromptRun) => Promise<CommandOutcome> {
  return async run => {
    const text = promptText(run.input)
    if (text === undefined) {
      const message = 'invalid input: a prompt must be a text (or an object with a "text") that is not empty.'
      return { status: 'failed', error: { code: 'invalid_input', message } }
    }
    const wait = new PromptWait(session, clock, run)
    const ready = await wait.until(() => session.isReady, `${session.name} is not idle: the prompt is typed once it is`)
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
    // A reported answer is in the conversation already.
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
        return { status: 'cancelled', ...told, detail: `${session.name} did not stop when interrupted` }
      case 'exit':
        if (answered.interrupted) return { status: 'cancelled', ...told, exitCode: exitCodeOf(answered.exit) }
        return exited(session.name, answered.exit, told)
      default:
        return answered satisfies never
    }
  }
}

/** The exit code that a shell would report. */
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

/** Waits for states of the program, and meanwhile shows what the run waits for. */
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

  /** Waits until `isSo`, or until the run is over. `why`: reported as progress if it is not so at once. */
  async until(isSo: () => boolean, why: string): Promise<Ended> {
    if (!isSo()) this.#run.progress({ message: why })
    const ended = await this.#watch(() =>
      isSo() ? { by: 'idle' } : this.#run.signal.aborted ? { by: 'interrupt' } : undefined,
    )
    this.#show(false)
    return ended
  }

  /** Waits until the program has answered. */
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
      // Once interrupted, only silence counts: the idle state may date from before the interrupt.
      const isOver = (hasWorked && interruptedAt === undefined) || silentMs >= SETTLED_MS / (hasWorked ? 4 : 1)
      if (!isOver) return undefined
      return { by: interruptedAt === undefined ? 'idle' : 'interrupt' }
    })
    this.#show(false)
    return ended
  }

  /** Checks on each change and at intervals. */
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
        (work === 'waiting' && detail) || (work === 'waiting' && `${this.#session.name} is asking something`),
        evidence,
      )
      const ended = look()
      if (ended !== undefined) done(ended)
    }
    const removers = [this.#session.onVerdict(check), listen(this.#run.signal, check), listen(this.#run.force, check)]
    // The signal is read at the exit itself: an agent that leaves afterwards aborts its runs, which is no interrupt.
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
