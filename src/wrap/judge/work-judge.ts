import type { Agent } from '@fleetwire/protocol'
import type { Clock, Timer } from '../../clock.ts'
import { createScreenJudge, type Guess, type ScreenJudge } from './screen-judge.ts'
import type { CompiledRules } from './screen-reading.ts'

/** What is said of the program's work, as `agent:status` says it. */
export interface WorkVerdict {
  work: Agent['work']
  detail: string
  evidence: 'reported' | 'guessed'
}

/** What the program said of itself. */
export interface ReportedStatus {
  work: Agent['work']
  detail?: string
}

export interface WorkJudge extends ScreenJudge {
  readonly verdict: WorkVerdict
  /** The program says what it does: this wins over every guess until it is stale. */
  reported(status: ReportedStatus): void
  /** The program said something else of itself (a tool call, a message): what it reported last is still alive. */
  heard(): void
  /** Somebody interrupted the program: what it reported before says nothing of what it does now. */
  interrupted(): void
  /** The program waits for an answer to this, until the returned function is called. */
  asks(detail: string): () => void
}

/** So long a report counts after the program was last heard, if nothing speaks against it. */
const FRESH_MS = 600_000
/**
 * A screen that by its rules says something else for so long, while nothing is heard, is right: programs do not report
 * everything, such as a turn that a person broke off.
 */
const CONTRADICTED_MS = 10_000

/**
 * Joins what a program reports with what its screen lets one guess. The rules of a screen may outlast a report, its
 * rhythm alone may not: a tool that works in silence is still at work.
 */
export function createWorkJudge(
  rules: CompiledRules,
  clock: Clock,
  onVerdict: (verdict: WorkVerdict) => void = () => {},
): WorkJudge {
  let report: ReportedStatus | undefined
  /** What it asks; a question that was answered says nothing of what comes next. */
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
      // A guess may get another reason without changing.
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
