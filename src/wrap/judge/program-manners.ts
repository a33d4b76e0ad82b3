import type { Clock } from '../../clock.ts'
import { type Key, keys } from './keys.ts'
import type { ProgramRules } from './program-rules.ts'
import { compileRules } from './screen-reading.ts'
import { createWorkJudge, type WorkJudge, type WorkVerdict } from './work-judge.ts'

/** How a program is judged, and which keys it understands. */
export interface ProgramManners {
  /** What interrupts it, as a terminal sends it. */
  interrupt: string
  /** What submits a prompt once it is typed. */
  submit: string
  /** Between the text and `submit`: programs take keys that come at once for a part of what was pasted. */
  submitAfterMs: number
  /** `auto`: bracketed where the program has asked for it. */
  paste: 'auto' | 'bracketed' | 'plain'
  createJudge(clock: Clock, onChange: (verdict: WorkVerdict) => void): WorkJudge
}

const SUBMIT_AFTER_MS = 100

/** What the rules of a program mean for whoever types into it and watches it. */
export function mannersOf(rules: ProgramRules): ProgramManners {
  const { interrupt = ['ctrl-c'], submit = {} } = rules
  const compiled = compileRules(rules)
  return {
    interrupt: bytesOf(interrupt),
    submit: bytesOf(submit.keys ?? ['enter']),
    submitAfterMs: submit.afterMs ?? SUBMIT_AFTER_MS,
    paste: submit.paste ?? 'auto',
    createJudge: (clock, onChange) => createWorkJudge(compiled, clock, onChange),
  }
}

const bytesOf = (names: readonly Key[]): string => names.map(name => keys[name]).join('')
