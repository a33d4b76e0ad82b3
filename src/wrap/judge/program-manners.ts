import type { Clock } from '../../clock.ts'
import { type Key, keys } from './keys.ts'
import type { ProgramRules } from './program-rules.ts'
import { compileRules } from './screen-reading.ts'
import { createWorkJudge, type WorkJudge, type WorkVerdict } from './work-judge.ts'

/** How to judge a program, and which keys it understands. */
export interface ProgramManners {
  /** The bytes of the keys that interrupt the program. */
  interrupt: string
  /** The bytes of the keys that submit a typed prompt. */
  submit: string
  /** Delay between the text and `submit`: programs treat keys that follow at once as part of the pasted text. */
  submitAfterMs: number
  /** `auto`: bracketed if the program has enabled it. */
  paste: 'auto' | 'bracketed' | 'plain'
  createJudge(clock: Clock, onChange: (verdict: WorkVerdict) => void): WorkJudge
}

const SUBMIT_AFTER_MS = 100

/** Derives from a program's rules how to type into it and how to judge it. */
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
