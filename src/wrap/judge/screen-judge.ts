import type { Clock, Timer } from '../../clock.ts'
import { type CompiledRules, lookAt, type Reading, readScreen, type ScreenView } from './screen-reading.ts'

/** What a program seems to do. Always a guess: `evidence` is `guessed` wherever it is shown. */
export interface Guess {
  work: 'starting' | 'working' | 'idle' | 'waiting'
  /** `rules`: the screen matched. `rhythm`: it matched nothing, so only how it changes is known. */
  from: 'rules' | 'rhythm'
  /** The question, where it waits. */
  detail?: string
}

export interface ScreenJudge {
  readonly guess: Guess
  /** The screen has changed, or may have: call it when output was drawn, as often as convenient. */
  screen(view: ScreenView): void
  /** Output came. Enough for the rhythm where no screen is drawn. */
  output(): void
  /** Somebody typed: what the program echoes is no work. */
  input(): void
  stop(): void
}

/** A new guess has to hold so long before it is told. */
const SETTLE_MS = { starting: 0, working: 300, idle: 700, waiting: 400 } as const
/** A guess that was told stands at least so long: what changes faster is no state, but drawing. */
const HOLD_MS = 1000
/** Silence that counts as idle where no rule matches. */
const QUIET_MS = 2000
const MAX_QUIET_MS = 10_000
/** Changes further apart than this do not belong to the same burst. */
const BURST_GAP_MS = 1500
/** The same while the screen looks idle: less than the time in which it settles, so that a clock on it changes nothing. */
const IDLE_BURST_GAP_MS = 600
/** A single redraw, such as a clock in a status line, is no work. */
const BURST_MS = 400
/** Changes so soon after a key are its echo. */
const ECHO_MS = 400
/** A screen that says "working" and does not change is one that was left so: programs that work show that they live. */
const FROZEN_MS = 90_000

/**
 * Judges a program by its screen and by the rhythm of its output, and calls `onGuess` when the guess changes. Rules of a
 * screen go out of date with every release of the program, so they never have the last word: an idle screen that goes on
 * changing is one of work, a working one that stands still is not, and a screen that matches nothing is judged by its
 * rhythm. A guess changes at most once a second.
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
  /** What stood before the cursor when a rule last found the program idle: also its prompt with something typed behind. */
  #prompt = ''
  /** A pattern of `idle` has matched before, so that these patterns fit this version of the program. */
  #isProven = false

  #changedAt = Number.NEGATIVE_INFINITY
  #burstFrom = Number.NEGATIVE_INFINITY
  #typedAt = Number.NEGATIVE_INFINITY
  #quietMs: number
  /** When silence was last taken for the end of work. */
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
    // Where screens are drawn, they say whether output changed anything.
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
    // Silence was taken for the end and was none, since nobody typed: this program takes longer breaks.
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

  /** Tells the best guess of now when it has held long enough, else looks again then. */
  #judge(): void {
    const now = this.#clock.monotonic()
    const { guess, untilMs } = this.#look(now)
    const isSame = guess.work === this.#guess.work
    if (isSame) this.#candidate = undefined
    else if (this.#candidate?.guess.work === guess.work) this.#candidate.guess = guess
    else this.#candidate = { guess, since: now }
    // Another reason for the same guess is no news, but another question is.
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

  /** The best guess of now, and for how long it holds if nothing happens. */
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
