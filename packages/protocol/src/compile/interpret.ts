import { Value } from '@sinclair/typebox/value'
import { type Check, type Compile, firstFlaw } from './check.ts'

/** For browsers: generates no code, so it runs under a CSP without `unsafe-eval`. */
export const compile: Compile = schema => {
  const check = (value: unknown) => Value.Check(schema, value)
  return Object.assign(check, { flaw: (value: unknown) => firstFlaw(Value.Errors(schema, value)) }) satisfies Check
}
