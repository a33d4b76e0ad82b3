import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { findTests, planTests } from './test-files.ts'
import type { EndedFile } from './test-group.ts'

/**
 * Runs test files, several in one process where they bear that (`test-files.ts` says which).
 * What they start are the programs that people run, with no loader in them; `tap run` would put its own into each.
 *
 * node dist/scripts/run-tests.js [part of a path …]
 *
 * TEST_JOBS says how many processes run side by side; most of their time they wait. Prints a line of TAP for each file, all
 * that a failed one printed, and the counts.
 */
const root = fileURLToPath(new URL('../../', import.meta.url))
const jobs = Number(process.env.TEST_JOBS ?? availableParallelism() + 2)
/** When a file hangs, and not when a busy machine is slow; one that needs more says so itself. */
const TIMEOUT_S = 600
/** When even a file that says so has hung. */
const MOST_MS = 1_800_000

const ran: EndedFile[] = []
const failed = ({ fail, total }: EndedFile) => fail > 0 || total === 0

function tell(ended: EndedFile, printed: string[]): void {
  ran.push(ended)
  if (failed(ended)) process.stdout.write(`# Subtest: ${ended.file}\n${printed.map(line => `    ${line}\n`).join('')}`)
  process.stdout.write(`${failed(ended) ? 'not ok' : 'ok'} ${ran.length} - ${ended.file} # time=${ended.ms}ms\n`)
}

/** Resolves when each of the files has been told of, and their process has ended. */
async function run(files: string[]): Promise<void> {
  const begin = performance.now()
  const args = files.length === 1 ? files : ['dist/scripts/test-group.js', ...files]
  const child = spawn(process.execPath, ['--enable-source-maps', ...args], {
    cwd: root,
    env: { TAP_TIMEOUT: String(TIMEOUT_S), ...process.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const hung = setTimeout(() => child.kill('SIGKILL'), MOST_MS)
  const left = new Set(files)
  let printed: string[] = []
  const line = (text: string) => {
    if (!text.startsWith('# ended: ')) return void printed.push(text)
    const ended: EndedFile = JSON.parse(text.slice('# ended: '.length))
    left.delete(ended.file)
    tell(ended, printed)
    printed = []
  }
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', line)
  const code = await new Promise(resolve => child.once('close', resolve))
  clearTimeout(hung)
  const ms = Math.round(performance.now() - begin)
  // tap closes with `# { total: 12, pass: 11, fail: 1 }`, or leaves out what is none.
  const counts = printed.findLast(text => /^# \{ total: .*\}$/.test(text)) ?? ''
  const count = (name: string) => Number(counts.match(new RegExp(`\\b${name}: (\\d+)`))?.[1] ?? 0)
  if (files.length === 1) {
    tell(
      {
        file: files[0]!,
        pass: count('pass'),
        total: count('total'),
        fail: Math.max(count('fail'), code === 0 ? 0 : 1),
        ms,
      },
      printed,
    )
  } else if (left.size > 0) {
    // It died in the first of these, and never came to the others.
    for (const file of left) tell({ file, pass: 0, fail: 1, total: 1, ms }, printed.splice(0))
  } else if (code !== 0 && count('fail') === 0) {
    tell(
      { file: `${files.join(' ')}: all passed, and their process ended with ${code}`, pass: 0, fail: 1, total: 1, ms },
      printed,
    )
  }
}

async function lane(...queues: string[][][]): Promise<void> {
  for (const queue of queues)
    for (let files = queue.shift(); files !== undefined; files = queue.shift()) await run(files)
}

const files = findTests(root, process.argv.slice(2))
const begin = performance.now()
const { browser, sideBySide, quiet } = planTests(root, files, jobs)
process.stdout.write(`TAP version 14\n1..${files.length}\n`)
await Promise.all([lane(browser, sideBySide), ...Array.from({ length: jobs - 1 }, () => lane(sideBySide))])
await Promise.all([lane(quiet), lane(quiet)])

const sum = (of: (ended: EndedFile) => number) => ran.reduce((total, one) => total + of(one), 0)
const [pass, fail] = [sum(one => one.pass), sum(one => (failed(one) ? Math.max(1, one.fail) : 0))]
for (const one of ran) if (failed(one)) process.stdout.write(`# failed: ${one.file}\n`)
process.stdout.write(`# { total: ${pass + fail}, pass: ${pass}, fail: ${fail} }\n`)
process.stdout.write(`# time=${Math.round((performance.now() - begin) / 1000)}s, ${jobs} side by side\n`)
if (fail > 0 || files.length === 0) process.exitCode = 1
