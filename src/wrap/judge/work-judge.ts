import type { Agent } from '@fleetwire/protocol'
import type { Clock, Timer } from '../../clock.ts'
import { createScreenJudge, type Guess, type ScreenJudge } from './screen-judge.ts'
import type { CompiledRules } from './screen-reading.ts'

/** The program's state in the terms of `agent:status`. */
export interface WorkVerdict {
  work: Agent['work']
  detail: string
  evidence: 'reported' | 'guessed'
}

/** The state that the program reported itself. */
export interface ReportedStatus {
  work: Agent['work']
  detail?: string
}

export interface WorkJudge extends ScreenJudge {
  readonly verdict: WorkVerdict
  /** The program reported its state. A report overrides every guess until it is stale. */
  reported(status: ReportedStatus): void
  /** The program reported something else (a tool call, a message), which keeps its last status report fresh. */
  heard(): void
  /** Somebody interrupted the program, which makes its last report obsolete. */
  interrupted(): void
  /** The program waits for an answer to this question until the returned function is called. */
  asks(detail: string): () => void
}

/** How long a report counts after the program's last sign of life, if nothing contradicts it. */
const FRESH_MS = 600_000
/**
 * If screen rules contradict a report for this long and the program reports nothing new, the screen wins: programs do
 * not report everything, such as a turn that a person aborted.
 */
const CONTRADICTED_MS = 10_000

/**
 * Combines a program's reports with guesses from its screen. Screen rules may overrule a report, but rhythm alone may
 * not: a tool that works silently is still at work.
 */
export function createWorkJudge(
  rules: CompiledRules,
  clock: Clock,
  onVerdict: (verdict: WorkVerdict) => void = () => {},
): WorkJudge {
  let report: ReportedStatus | undefined
  /** The questions that the program waits for. */
  const questions = new Set<{ detail: string }>()
  let heardAt = Number.NEGATIVE_INFINITY
  let contradictedAt: number | undefined
  let timer: Timer | undefined
  let stopped = false

  const speaksAgainst = (guess: Guess): boolean =>
    report !== undefined && guess.from === 'rules' && guess.work !== report.work

  const decide = (): WorkVerdict => {
    const { guess } = screen
    const [question] = questions
    if (question !== undefined) return { work: 'waiting', detail: question.detail, evidence: 'reported' }
    if (report !== undefined) return { work: report.work, detail: report.detail ?? '', evidence: 'reported' }
    return { work: guess.work, detail: guess.detail ?? '', evidence: 'guessed' }
  }

  const judge = () => {
    timer?.cancel()
    if (stopped) return
    const now = clock.monotonic()
    if (report !== undefined) {
      if (!speaksAgainst(screen.guess)) contradictedAt = undefined
      else contradictedAt ??= now
      const staleAt = Math.min(heardAt + FRESH_MS, Math.max(contradictedAt ?? Infinity, heardAt) + CONTRADICTED_MS)
      if (staleAt > now) timer = clock.setTimeout(judge, staleAt - now)
      else report = undefined
    }
    const next = decide()
    const { work, detail, evidence } = verdict
    if (next.work === work && next.detail === detail && next.evidence === evidence) return
    verdict = next
    onVerdict(next)
  }

  const screen = createScreenJudge(rules, clock, () => judge())
  let verdict = decide()
  return {
    get verdict() {
      return verdict
    },
    get guess() {
      return screen.guess
    },
    screen: view => {
      screen.screen(view)
      // The source of a guess may change without the guess.
      if (report !== undefined && speaksAgainst(screen.guess) !== (contradictedAt !== undefined)) judge()
    },
    output: () => screen.output(),
    input: () => screen.input(),
    reported(status) {
      report = status
      contradictedAt = undefined
      heardAt = clock.monotonic()
      judge()
    },
    heard() {
      heardAt = clock.monotonic()
    },
    interrupted() {
      report = undefined
      judge()
    },
    asks(detail) {
      const question = { detail }
      questions.add(question)
      judge()
      return () => {
        questions.delete(question)
        contradictedAt = undefined
        heardAt = clock.monotonic()
        judge()
      }
    },
    stop() {
      stopped = true
      timer?.cancel()
      screen.stop()
    },
  }
}
