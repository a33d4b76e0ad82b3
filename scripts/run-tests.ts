import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

/**
 * Runs test files, each in a process of its own as `node file`: what they start are then the programs that people run, with
 * no loader in them, which makes them start in half the time. `tap run` would put its own into each.
 *
 * node dist/scripts/run-tests.js [part of a path …]
 *
 * TEST_JOBS says how many run side by side; most of their time they wait. Files that measure how a server bears load run
 * alone, at the end. Prints a line of TAP for each file, all that a failed one printed, and the counts.
 */
const root = fileURLToPath(new URL('../../', import.meta.url))
const jobs = Number(process.env.TEST_JOBS ?? availableParallelism() + 2)
/** When a file hangs, and not when a busy machine is slow; one that needs more says so itself. */
const TIMEOUT_S = 600
/** When even a file that says so has hung. */
const MOST_MS = 1_800_000
/** Those that take long by themselves begin first, so that nobody waits for them at the end. */
const LONG = ['dist/test/race/', 'dist/test/e2e/', 'dist/test/attack/', 'dist/test/realtime/', 'dist/test/src/cli/']

interface Ran {
  file: string
  passed: number
  failed: number
  ok: boolean
}

const testsIn = (folder: string): string[] =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.test.js') && !path.includes('node_modules'))
    .map(path => `${folder}/${path}`)

const rank = (file: string) => (LONG.findIndex(folder => file.startsWith(folder)) + LONG.length + 1) % (LONG.length + 1)

const measures = (file: string) =>
  /helpers\/measured\.js|monitorEventLoopDelay/.test(readFileSync(`${root}${file}`, 'utf8'))

function find(parts: string[]): string[] {
  const packages = readdirSync(`${root}packages`).map(name => `packages/${name}/dist`)
  const files = ['dist/test', 'dashboard/dist', ...packages]
    .flatMap(testsIn)
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  const asBuilt = parts.map(part =>
    part.replace(/\.tsx?$/, '.js').replace(/^(packages\/\w+|dashboard)\/src\//, '$1/dist/'),
  )
  return asBuilt.length === 0 ? files : files.filter(file => asBuilt.some(part => file.includes(part)))
}

let ended = 0

function run(file: string): Promise<Ran> {
  const begin = performance.now()
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    cwd: root,
    env: { TAP_TIMEOUT: String(TIMEOUT_S), ...process.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => chunks.push(chunk))
  const hung = setTimeout(() => child.kill('SIGKILL'), MOST_MS)
  return new Promise(resolve => {
    child.once('close', code => {
      clearTimeout(hung)
      const text = Buffer.concat(chunks).toString()
      // tap closes with `# { total: 12, pass: 11, fail: 1 }`, or leaves out what is none.
      const counts = text.match(/^# \{ total: .*\}$/gm)?.at(-1) ?? ''
      const count = (name: string) => Number(counts.match(new RegExp(`\\b${name}: (\\d+)`))?.[1] ?? 0)
      const ok = code === 0 && count('total') > 0
      const failed = ok ? 0 : Math.max(1, count('fail'))
      if (!ok) process.stdout.write(`# Subtest: ${file}\n${text.replace(/^/gm, '    ')}\n`)
      const told = `${++ended} - ${file} # time=${Math.round(performance.now() - begin)}ms`
      process.stdout.write(`${ok ? 'ok' : 'not ok'} ${told}\n`)
      resolve({ file, ok, passed: count('pass'), failed })
    })
  })
}

async function runAll(files: string[], atOnce: number): Promise<Ran[]> {
  const left = [...files]
  const ran: Ran[] = []
  const lane = async () => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) ran.push(await run(file))
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return ran
}

const files = find(process.argv.slice(2))
const begin = performance.now()
process.stdout.write(`TAP version 14\n1..${files.length}\n`)
const ran = [
  ...(await runAll(
    files.filter(file => !measures(file)),
    jobs,
  )),
  ...(await runAll(files.filter(measures), 1)),
]
const sum = (of: (ran: Ran) => number) => ran.reduce((total, one) => total + of(one), 0)
const [pass, fail] = [sum(({ passed }) => passed), sum(({ failed }) => failed)]
for (const { file, ok } of ran) if (!ok) process.stdout.write(`# failed: ${file}\n`)
process.stdout.write(`# { total: ${pass + fail}, pass: ${pass}, fail: ${fail} }\n`)
process.stdout.write(`# time=${Math.round((performance.now() - begin) / 1000)}s, ${jobs} side by side\n`)
if (fail > 0 || files.length === 0) process.exitCode = 1
