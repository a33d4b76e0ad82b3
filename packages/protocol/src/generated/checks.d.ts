// Written by src/generate when the package is built.
import type { Check } from '../check/rules.ts'

/** The checks of payloads, by the type of their frame or event. */
type Checks = Readonly<Record<string, Check>>
/** The fields of a payload, by the type of its frame; null if it may have any. */
type FieldNames = Readonly<Record<string, readonly string[] | null>>

export const clientChecks: Checks
export const serverChecks: Checks
export const agentChecks: Checks
export const agentServerChecks: Checks
export const eventChecks: Checks
export const claimsChecks: Readonly<Record<'person' | 'agent', Check>>
export const clientFields: FieldNames
export const agentFields: FieldNames
