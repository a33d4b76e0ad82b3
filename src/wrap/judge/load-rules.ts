import { readFile } from 'node:fs/promises'
import { builtInRules } from './built-in-rules.ts'
import type { Pattern, ProgramRules, RulesFile } from './program-rules.ts'

/** A rules file cannot be used. The message says where and why. */
export class RulesError extends Error {}

const MAX_FILE_BYTES = 1024 * 1024

/** The rules of a file, followed by the built-in ones. Throws RulesError, but not for a file that `mayBeMissing`. */
export async function loadRules(path: string, { mayBeMissing = false } = {}): Promise<readonly ProgramRules[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && mayBeMissing) return builtInRules
    throw new RulesError(code === 'ENOENT' ? `There is no file ${path}.` : `${path} cannot be read: ${message}`)
  }
  return withBuiltIn(await parseRules(text, path))
}

/** Parses a rules file. `where`: its name in the messages of RulesError. */
export async function parseRules(text: string, where: string): Promise<ProgramRules[]> {
  if (text.length > MAX_FILE_BYTES) throw new RulesError(`${where}: larger than ${MAX_FILE_BYTES} bytes.`)
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    throw new RulesError(`${where} is not JSON: ${(error as Error).message}`)
  }
  // Imported on demand, since most wrappers have no rules file and need no validator.
  const [{ Value }, { RulesFile }] = await Promise.all([
    import('@sinclair/typebox/value'),
    import('./program-rules.ts'),
  ])
  const flaw = Value.Errors(RulesFile, value).First()
  if (flaw !== undefined) throw new RulesError(`${where}: ${describe(flaw, value)}`)
  const { programs } = value as RulesFile
  for (const [i, rules] of programs.entries()) checkPatterns(rules, `${where}: programs.${i} ("${rules.name}")`)
  return programs
}

/** Added programs come first. One with the name of a built-in program overrides the fields that it sets. */
function withBuiltIn(added: readonly ProgramRules[]): readonly ProgramRules[] {
  const changed = added.map(rules => ({ ...builtInRules.find(({ name }) => name === rules.name), ...rules }))
  const names = new Set(added.map(({ name }) => name))
  return [...changed, ...builtInRules.filter(({ name }) => !names.has(name))]
}

function checkPatterns(rules: ProgramRules, where: string): void {
  for (const list of ['waiting', 'working', 'idle'] as const) {
    for (const [i, pattern] of (rules[list] ?? []).entries()) {
      const flaw = flawOf(pattern)
      if (flaw !== undefined) throw new RulesError(`${where}, ${list}.${i}: ${flaw}`)
    }
  }
}

function flawOf(pattern: Pattern): string | undefined {
  const source = typeof pattern === 'string' ? pattern : pattern.cursorLine
  try {
    const expression = new RegExp(source, 'mu')
    return expression.test('') ? `/${source}/ matches an empty screen, so it would always match` : undefined
  } catch (error) {
    return (error as Error).message
  }
}

interface SchemaFlaw {
  path: string
  message: string
  schema: { description?: string; anyOf?: { const?: unknown }[]; const?: unknown }
  value: unknown
}

function describe({ path, message, schema, value }: SchemaFlaw, whole: unknown): string {
  const at = path === '' ? 'the file' : path.slice(1).replaceAll('/', '.')
  const [, index] = /^\/programs\/(\d+)\//.exec(path) ?? []
  const name = index && (whole as { programs?: { name?: unknown }[] }).programs?.[Number(index)]?.name
  const of = typeof name === 'string' ? ` (of "${name.slice(0, 64)}")` : ''
  const choices = schema.anyOf?.map(choice => choice.const).filter(choice => choice !== undefined) ?? []
  if (value === undefined) return `${at}${of} is required`
  if (message === 'Unexpected property') return `${at}${of} is not a field of these rules`
  if (choices.length > 0) return `${at}${of} must be one of ${choices.map(choice => JSON.stringify(choice)).join(', ')}`
  if (schema.anyOf !== undefined)
    return `${at}${of} must be a regular expression, or { "cursorLine": a regular expression }`
  const hint = schema.description === undefined ? '' : ` (${schema.description})`
  return `${at}${of}: ${message.charAt(0).toLowerCase()}${message.slice(1)}${hint}`
}
