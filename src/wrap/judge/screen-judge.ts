import type { Clock, Timer } from '../../clock.ts'
import { type CompiledRules, lookAt, type Reading, readScreen, type ScreenView } from './screen-reading.ts'

/** What a program seems to be doing. Always reported with `evidence: 'guessed'`. */
export interface Guess {
  work: 'starting' | 'working' | 'idle' | 'waiting'
  /** `rules`: the screen matched a pattern. `rhythm`: judged only by when the screen changes. */
  from: 'rules' | 'rhythm'
  /** The question that the program waits for. */
  detail?: string
}

export interface ScreenJudge {
  readonly guess: Guess
  /** The screen may have changed. Call it after output was drawn, as often as convenient. */
  screen(view: ScreenView): void
  /** Output arrived. Enough to judge the rhythm if no screen is drawn. */
  output(): void
  /** Somebody typed. The echo does not count as work. */
  input(): void
  stop(): void
}

/** How long a new guess must hold before it is reported. */
const SETTLE_MS = { starting: 0, working: 300, idle: 700, waiting: 400 } as const
/** Minimum time between two reported guesses. Faster changes are screen redraws, not changes of state. */
const HOLD_MS = 1000
/** Silence for this long counts as idle if no rule matches. */
const QUIET_MS = 2000
const MAX_QUIET_MS = 10_000
/** Changes further apart than this do not belong to the same burst. */
const BURST_GAP_MS = 1500
/**
 * The same while the screen looks idle. Shorter than the settling time, so that a clock on the screen has no effect.
 */
const IDLE_BURST_GAP_MS = 600
/** Changes must go on for this long to count as work. A single redraw, such as a clock in a status line, does not. */
const BURST_MS = 400
/** Changes within this time after a key count as its echo. */
const ECHO_MS = 400
/** A "working" screen that is unchanged for this long is a leftover: programs at work show signs of life. */
const FROZEN_MS = 90_000

/**
 * Judges a program by its screen and by the rhythm of its output, and calls `onGuess` when the guess changes. Screen
 * rules may be outdated by any release of the program, so they are not trusted blindly: an idle screen that keeps
 * changing counts as working, a working screen that stands still counts as idle, and a screen that matches nothing is
 * judged by its rhythm. The guess changes at most once per second.
 */
export function createScreenJudge(rules: CompiledRules, clock: Clock, onGuess: (guess: Guess) => void = () => {}) {
  return new Judge(rules, clock, onGuess) as ScreenJudge
}

class Judge implements ScreenJudge {
  readonly #rules: CompiledRules
  readonly #clock: Clock
  readonly #onGuess: (guess: Guess) => void
  #guess: Guess = { work: 'starting', from: 'rhythm' }
  #toldAt = Number.NEGATIVE_INFINITY
  #candidate: { guess: Guess; since: number } | undefined
  #timer: Timer | undefined
  #stopped = false

  #text = ''
  #reading: Reading | undefined
  /** The text before the cursor when a rule last matched as idle. A line that starts with it is idle too. */
  #prompt = ''
  /** An `idle` pattern has matched before, so the patterns fit this version of the program. */
  #isProven = false

  #changedAt = Number.NEGATIVE_INFINITY
  #burstFrom = Number.NEGATIVE_INFINITY
  #typedAt = Number.NEGATIVE_INFINITY
  #quietMs: number
  /** When silence was last judged as the end of work. */
  #quietSince = Number.NEGATIVE_INFINITY

  constructor(rules: CompiledRules, clock: Clock, onGuess: (guess: Guess) => void) {
    this.#rules = rules
    this.#clock = clock
    this.#onGuess = onGuess
    this.#quietMs = rules.quietMs ?? QUIET_MS
  }

  get guess(): Guess {
    return this.#guess
  }

  screen(view: ScreenView): void {
    if (this.#stopped) return
    const { text, cursorLine } = lookAt(view, this.#rules.rows)
    const shown = `${text}\n${cursorLine}`
    if (shown !== this.#text) {
      this.#text = shown
      this.#reading = this.#read(view, cursorLine)
      this.#changed()
    }
    this.#judge()
  }

  output(): void {
    if (this.#stopped) return
    // If the screen is drawn, it shows whether output changed anything.
    if (this.#text === '') this.#changed()
    this.#judge()
  }

  input(): void {
    this.#typedAt = this.#clock.monotonic()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #read(view: ScreenView, cursorLine: string): Reading | undefined {
    const reading = readScreen(this.#rules, view)
    if (reading?.work === 'idle') {
      this.#isProven = true
      this.#prompt = reading.prompt ?? this.#prompt
    }
    if (reading !== undefined || !this.#isProven) return reading
    if (this.#prompt.trim() !== '' && cursorLine.startsWith(this.#prompt)) return { work: 'idle' }
    return this.#rules.otherwise === undefined ? undefined : { work: this.#rules.otherwise }
  }

  #changed(): void {
    const now = this.#clock.monotonic()
    if (now - this.#typedAt <= ECHO_MS) return
    const gapMs = now - this.#changedAt
    // The silence was not the end of work, since output continued although nobody typed. Expect longer pauses.
    if (this.#typedAt < this.#quietSince && now - this.#quietSince < MAX_QUIET_MS)
      this.#quietMs = Math.min(2 * this.#quietMs, MAX_QUIET_MS)
    this.#quietSince = Number.NEGATIVE_INFINITY
    if (gapMs > this.#burstGapMs) this.#burstFrom = now
    this.#changedAt = now
  }

  get #burstGapMs(): number {
    if (this.#reading?.work === 'idle') return IDLE_BURST_GAP_MS
    return this.#guess.work === 'working' ? Math.max(BURST_GAP_MS, this.#quietMs) : BURST_GAP_MS
  }

  /** Reports the current best guess once it has held long enough; until then, schedules another check. */
  #judge(): void {
    const now = this.#clock.monotonic()
    const { guess, untilMs } = this.#look(now)
    const isSame = guess.work === this.#guess.work
    if (isSame) this.#candidate = undefined
    else if (this.#candidate?.guess.work === guess.work) this.#candidate.guess = guess
    else this.#candidate = { guess, since: now }
    // A new question counts as a change. The same guess from another source does not.
    const isNews = !isSame || (guess.detail !== undefined && guess.detail !== this.#guess.detail)
    const settledAt = this.#candidate === undefined ? now : this.#candidate.since + SETTLE_MS[guess.work]
    const dueMs = isNews ? Math.max(settledAt, this.#toldAt + HOLD_MS) - now : Number.POSITIVE_INFINITY
    if (dueMs <= 0) this.#tell(guess, now)
    else if (isSame && !isNews) this.#guess = { ...this.#guess, from: guess.from }
    this.#wake(Math.min(dueMs > 0 ? dueMs : Number.POSITIVE_INFINITY, untilMs))
  }

  #tell(guess: Guess, now: number): void {
    if (guess.work === 'idle' && guess.from === 'rhythm') this.#quietSince = now
    this.#guess = guess
    this.#toldAt = now
    this.#candidate = undefined
    this.#onGuess(guess)
  }

  /** The current best guess, and how long it holds if nothing changes. */
  #look(now: number): { guess: Guess; untilMs: number } {
    const silentMs = now - this.#changedAt
    const isBurst = this.#changedAt - this.#burstFrom >= BURST_MS
    const reading = this.#reading
    if (reading === undefined) return this.#byRhythm(silentMs, isBurst)
    switch (reading.work) {
      case 'waiting':
        return { guess: { ...reading, from: 'rules' }, untilMs: Number.POSITIVE_INFINITY }
      case 'working': {
        const isFrozen = this.#rules.otherwise === undefined && silentMs >= FROZEN_MS
        if (isFrozen) return { guess: { work: 'idle', from: 'rhythm' }, untilMs: Number.POSITIVE_INFINITY }
        const untilMs = this.#rules.otherwise === undefined ? FROZEN_MS - silentMs : Number.POSITIVE_INFINITY
        return { guess: { work: 'working', from: 'rules' }, untilMs }
      }
      case 'idle': {
        const settleMs = SETTLE_MS.idle
        if (silentMs < settleMs && isBurst)
          return { guess: { work: 'working', from: 'rhythm' }, untilMs: settleMs - silentMs }
        return { guess: { work: 'idle', from: 'rules' }, untilMs: Number.POSITIVE_INFINITY }
      }
      default:
        return reading.work satisfies never
    }
  }

  #byRhythm(silentMs: number, isBurst: boolean): { guess: Guess; untilMs: number } {
    if (this.#changedAt === Number.NEGATIVE_INFINITY) return { guess: this.#guess, untilMs: Number.POSITIVE_INFINITY }
    if (silentMs >= this.#quietMs) return { guess: { work: 'idle', from: 'rhythm' }, untilMs: Number.POSITIVE_INFINITY }
    const untilMs = this.#quietMs - silentMs
    if (isBurst && silentMs < BURST_GAP_MS) return { guess: { work: 'working', from: 'rhythm' }, untilMs }
    return { guess: { ...this.#guess }, untilMs }
  }

  #wake(ms: number): void {
    this.#timer?.cancel()
    if (ms < Number.POSITIVE_INFINITY) this.#timer = this.#clock.setTimeout(() => this.#judge(), Math.max(1, ms))
  }
}
