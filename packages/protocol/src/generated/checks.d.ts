// Written by src/generate when the package is built.
import type { Check } from '../check/rules.ts'

/** The checks of payloads, by the type of their frame or event. */
type Checks = Readonly<Record<string, Check>>
/** The fields that a payload has, by the type of its frame; null where their names are free. */
type FieldNames = Readonly<Record<string, readonly string[] | null>>

export const clientChecks: Checks
export const serverChecks: Checks
export const agentChecks: Checks
export const agentServerChecks: Checks
export const eventChecks: Checks
export const claimsChecks: Readonly<Record<'person' | 'agent', Check>>
export const clientFields: FieldNames
export const agentFields: FieldNames
