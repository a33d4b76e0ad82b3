import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { read, root } from '../house/repository.ts'
import { program } from './processes.ts'

const folder = fileURLToPath(new URL('examples/github-action', root))
const action = read('examples/github-action/action.yml')

/** Runs the step of examples/github-action like the runner: its `run:` line in bash, with the inputs from `env:`. */
export function step(t: Test, n: number, inputs: Record<string, string>) {
  const place = join(t.testdirName, `step${n}`)
  mkdirSync(place)
  const [GITHUB_OUTPUT, GITHUB_STEP_SUMMARY] = ['output', 'summary'].map(name => join(place, name)) as [string, string]
  for (const file of [GITHUB_OUTPUT, GITHUB_STEP_SUMMARY]) writeFileSync(file, '')
  const defaults = [
    ...action.matchAll(/^ {2}([\w-]+):\n {4}description: (?:>-\n(?: {6}.*\n)+|.*\n) {4}default: '?([^'\n]*)'?$/gm),
  ]
  const all = { ...Object.fromEntries(defaults.map(([, name, value]) => [name!, value!])), ...inputs }
  const env = [...action.matchAll(/^ {8}(INPUT_\w+): \$\{\{ inputs\.([\w-]+) \}\}$/gm)].map(
    ([, name, input]) => [name!, all[input!] ?? ''] as const,
  )
  t.equal(env.length, 8)
  const [, line] = /^ {6}run: (.*)$/m.exec(action)!
  const running = program(
    t,
    'bash',
    ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c', line!],
    {
      ...Object.fromEntries(env),
      ...{ GITHUB_OUTPUT, GITHUB_STEP_SUMMARY, GITHUB_ACTION_PATH: folder },
      ...{
        GITHUB_REPOSITORY: 'a/b',
        GITHUB_RUN_ID: `${n}`,
        GITHUB_RUN_ATTEMPT: '1',
        GITHUB_JOB: 'j',
        GITHUB_ACTION: 's',
      },
    },
    place,
  )
  return {
    running,
    ended: running.ended,
    summary: () => readFileSync(GITHUB_STEP_SUMMARY, 'utf8'),
    /** The outputs, parsed like the runner does. */
    outputs: () =>
      Object.fromEntries(
        [...readFileSync(GITHUB_OUTPUT, 'utf8').matchAll(/^([\w-]+)<<(\S+)\n([\s\S]*?)\n\2$/gm)].map(
          ([, name, , value]) => [name!, value!],
        ),
      ),
  }
}
