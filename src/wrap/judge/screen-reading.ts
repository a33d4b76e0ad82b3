import type { Pattern, ProgramRules } from './program-rules.ts'

/** The visible content of a terminal. */
export interface ScreenView {
  /** The rows from top to bottom, as text. */
  lines: readonly string[]
  /** Counted from 0. If missing, the cursor is assumed to be after the last text. */
  cursor?: { row: number; col: number }
}

export interface Reading {
  work: 'working' | 'idle' | 'waiting'
  /** The program's question, as far as the screen shows it. */
  detail?: string
  /** The text before the cursor, if the program was found idle by its cursor line. */
  prompt?: string
}

type Test = (seen: Seen) => RegExpExecArray | undefined

export interface CompiledRules extends ProgramRules {
  tests: { [K in Reading['work']]: Test[] }
}

interface Seen {
  text: string
  /** The cursor's line up to the cursor. */
  cursorLine: string
}

const ROWS = 24
const MOST_COLS = 400
const MOST_DETAIL = 200
const FRAME = /[│┃║╭╮╰╯┌┐└┘─━═▌▐❯›]+/g

/** Throws a SyntaxError if a pattern is not a regular expression. */
export function compileRules(rules: ProgramRules): CompiledRules {
  const compile = (patterns: readonly Pattern[] = []) => patterns.map(compilePattern)
  const { waiting, working, idle } = rules
  return { ...rules, tests: { waiting: compile(waiting), working: compile(working), idle: compile(idle) } }
}

export function compilePattern(pattern: Pattern): Test {
  const isCursorLine = typeof pattern === 'object'
  const expression = new RegExp(isCursorLine ? pattern.cursorLine : pattern, 'mu')
  return ({ text, cursorLine }) => expression.exec(isCursorLine ? cursorLine : text) ?? undefined
}

/**
 * The state of the program by the rules alone; undefined if none match. Waiting takes precedence over working, then
 * idle.
 */
export function readScreen({ tests, rows = ROWS }: CompiledRules, view: ScreenView): Reading | undefined {
  const seen = lookAt(view, rows)
  for (const work of ['waiting', 'working', 'idle'] as const) {
    for (const test of tests[work]) {
      const match = test(seen)
      if (match === undefined) continue
      if (work === 'waiting') return { work, ...detailOf(match, seen) }
      return work === 'idle' && match.input === seen.cursorLine ? { work, prompt: seen.cursorLine } : { work }
    }
  }
  return undefined
}

export function lookAt({ lines, cursor }: ScreenView, rows = ROWS): Seen {
  const trimmed = lines.map(line => line.slice(0, MOST_COLS).trimEnd())
  const last = trimmed.findLastIndex(line => line !== '')
  const end = Math.max(last, cursor?.row ?? 0)
  const text = trimmed.slice(Math.max(0, end + 1 - rows), end + 1).join('\n')
  const line = lines[cursor?.row ?? last] ?? ''
  // A prompt often ends with a space. The cursor position shows it, the trimmed line does not.
  return { text, cursorLine: cursor === undefined ? line : line.padEnd(cursor.col).slice(0, cursor.col) }
}

function detailOf(match: RegExpExecArray, { cursorLine }: Seen): { detail?: string } {
  const found = match.groups?.question ?? (match.input === cursorLine ? cursorLine : questionIn(match[0]))
  const detail = found.replace(FRAME, ' ').replace(/\s+/g, ' ').trim().slice(0, MOST_DETAIL)
  return detail === '' ? {} : { detail }
}

const questionIn = (text: string): string => {
  const lines = text.split('\n')
  return lines.find(line => line.includes('?')) ?? lines[0] ?? ''
}
