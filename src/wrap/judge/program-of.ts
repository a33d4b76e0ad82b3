import type { ProgramRules } from './program-rules.ts'

/** Programs that start another program named in their arguments. */
const LAUNCHERS = new Set([
  ...['node', 'nodejs', 'bun', 'deno', 'npx', 'bunx', 'pnpx', 'npm', 'pnpm', 'yarn', 'uv', 'uvx', 'pipx'],
  ...['env', 'sudo', 'doas', 'nice', 'nohup', 'time', 'setsid', 'stdbuf', 'unbuffer', 'winpty', 'caffeinate', 'exec'],
])
/** Words between a launcher and the program that it starts. */
const LAUNCHER_WORDS = new Set(['exec', 'x', 'dlx', 'run', 'tool', 'start'])
const PYTHON = /^(?:python|pypy)[\d.]*$/
/** Interpreter options that supply code to run, or that make the interpreter print something and exit. */
const BRINGS_A_PROGRAM = /^(?:-[A-Za-z]*[cm][A-Za-z]*|--command|--help|--version|-h|-V)$/
/** Rules with this command match any program that no other rules match, regardless of their position. */
const ANY = '*'
/** How many words of a command line are examined. */
const MOST_WORDS = 16

/** `/usr/bin/Claude.exe` → `claude`. */
const nameOf = (word: string): string =>
  (word.split(/[/\\]/).at(-1) ?? '').replace(/\.(?:exe|cmd|bat|ps1|com|m?js|cjs|py|sh)$/i, '').toLowerCase()

/** `@openai/codex@latest` → `@openai/codex`. */
const packageOf = (word: string): string => word.replace(/(?<=.)@[^/]*$/, '').replace(/==.*$/, '')

const isNamed = (name: string, pattern: string): boolean =>
  new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`, 'i').test(name)
const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&')

/**
 * Finds the rules for a command line: for the program itself, or for the program that a launcher (`npx`, `env`, `node`,
 * `python -m`) starts. Undefined if no rules match.
 */
export function programOf(command: readonly string[], rules: readonly ProgramRules[]): ProgramRules | undefined {
  const words = command.slice(0, MOST_WORDS)
  const started = startedBy(words)
  const fits = ({ commands = [], packages = [], interactive }: ProgramRules): boolean => {
    if (started.module !== undefined) return packages.includes(started.module)
    if (packages.includes(packageOf(started.word))) return true
    if (!commands.some(pattern => pattern !== ANY && isNamed(nameOf(started.word), pattern))) return false
    return !interactive || isTalkedTo(started.rest)
  }
  return rules.find(fits) ?? rules.find(({ commands }) => commands?.includes(ANY))
}

interface Started {
  word: string
  rest: readonly string[]
  /** `python -m <module>`. */
  module?: string
}

function startedBy(words: readonly string[]): Started {
  let [word = '', ...rest] = words
  while (LAUNCHERS.has(nameOf(word))) {
    const at = rest.findIndex(word => !word.startsWith('-') && !/^\w+=/.test(word) && !LAUNCHER_WORDS.has(word))
    if (at < 0) break
    word = rest[at]!
    rest = rest.slice(at + 1)
  }
  const module = PYTHON.test(nameOf(word)) && rest[0] === '-m' ? rest[1] : undefined
  return { word, rest, ...(module !== undefined && { module }) }
}

/** Whether an interpreter is interactive: it has only options, none of which supplies code, or it has `-i`. */
function isTalkedTo(rest: readonly string[]): boolean {
  if (rest.some(word => /^-[a-zA-Z]*i[a-zA-Z]*$/.test(word) && !BRINGS_A_PROGRAM.test(word))) return true
  return rest.every((word, i) => takesValue(rest[i - 1]) || (word.startsWith('-') && !BRINGS_A_PROGRAM.test(word)))
}

const takesValue = (option: string | undefined): boolean =>
  option !== undefined && ['--rcfile', '--init-file', '-O', '-o', '-W', '-X', '--init-command'].includes(option)
