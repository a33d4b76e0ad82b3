import { TypeCompiler } from '@sinclair/typebox/compiler'
import { type Check, type Compile, firstFlaw } from './check.ts'

/** For Node: compiles each schema into a function, which is a hundred times faster than interpreting it. */
export const compile: Compile = schema => {
  const compiled = TypeCompiler.Compile(schema)
  const check = (value: unknown) => compiled.Check(value)
  return Object.assign(check, { flaw: (value: unknown) => firstFlaw(compiled.Errors(value)) }) satisfies Check
}
