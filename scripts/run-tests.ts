import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { findTests, planTests, type TestFile } from './test-files.ts'
import type { EndedFile } from './test-group.ts'

/**
 * Runs test files, several in one process if they allow it (`test-files.ts` decides): starting a process and compiling its
 * hot code takes longer than most files do. Unlike `tap run`, this does not inject a loader into the programs that tests
 * start, so they run as they do for users.
 *
 * node dist/scripts/run-tests.js [part of a path …]
 *
 * TEST_JOBS sets the number of parallel processes, which mostly wait. Prints a line of TAP for each file, the output of
 * failed files, and the counts.
 */
const root = fileURLToPath(new URL('../../', import.meta.url))
const jobs = Number(process.env.TEST_JOBS ?? availableParallelism() + 4)
/** Only a hanging file takes this long, even on a busy machine. A file that needs longer sets that itself. */
const TIMEOUT_S = 600
/** After this, any file counts as hanging. */
const MOST_MS = 1_800_000
/** Tests run most code only a few times, so optimizing it costs more than it saves: a tenth of all CPU time. */
const LAZY = process.version.startsWith('v20.') ? ['--interrupt-budget=1000000'] : []

const ran: EndedFile[] = []
const failed = ({ fail, total }: EndedFile) => fail > 0 || total === 0

function tell(said: EndedFile, printed: string[]): void {
  // tap counts a skipped test only when the next one begins. If a file has only that test, count its line here.
  const ended = { ...said, total: said.total + printed.filter(line => /^ok .* # SKIP/.test(line)).length }
  ran.push(ended)
  if (failed(ended)) process.stdout.write(`# Subtest: ${ended.file}\n${printed.map(line => `    ${line}\n`).join('')}`)
  process.stdout.write(`${failed(ended) ? 'not ok' : 'ok'} ${ran.length} - ${ended.file} # time=${ended.ms}ms\n`)
}

/** Runs the files of a lane in one process, and starts another if that has ended. */
class Group {
  readonly #name: string
  readonly #flags: string[]
  #child: ChildProcess | undefined
  #printed: string[] = []
  #ended: ((ended: EndedFile | undefined) => void) | undefined

  constructor(name: string, flags: string[] = []) {
    this.#name = name
    this.#flags = flags
  }

  /** Resolves when the result of the file has been printed. */
  async run(file: string): Promise<void> {
    this.#child ??= this.#start()
    const child = this.#child
    const begin = performance.now()
    const hung = setTimeout(() => child.kill('SIGKILL'), MOST_MS)
    const ended = await new Promise<EndedFile | undefined>(resolve => {
      this.#ended = resolve
      this.#queue(child).write(`${file}\n`)
    })
    clearTimeout(hung)
    const ms = Math.round(performance.now() - begin)
    if (ended?.isLast) {
      this.#child = undefined
      child.kill('SIGKILL')
    }
    tell(ended ?? { file, pass: 0, fail: 1, total: 1, ms }, this.#printed.splice(0))
  }

  /** Ends the process after its last file. It is a failure if something keeps it alive. */
  async end(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const begin = performance.now()
    const hung = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_S * 1000)
    const gone = new Promise(resolve => {
      this.#ended = resolve
    })
    this.#queue(child).end()
    await gone
    clearTimeout(hung)
    const [ms, code] = [Math.round(performance.now() - begin), child.exitCode]
    if (code === 0 || ran.some(failed)) return
    const file = `${this.#name}: all passed, but their process exited with ${code ?? child.signalCode}`
    tell({ file, pass: 0, fail: 1, total: 1, ms }, this.#printed.splice(0))
  }

  #queue(child: ChildProcess): Writable {
    return child.stdio[3] as Writable
  }

  #start(): ChildProcess {
    const child = start([...this.#flags, 'dist/scripts/test-group.js', this.#name], 'pipe')
    this.#queue(child).on('error', () => {}) // The process has ended; `close` handles that.
    readLines(child, text => {
      if (text.startsWith('# ended: ')) this.#ended?.(JSON.parse(text.slice('# ended: '.length)) as EndedFile)
      else this.#printed.push(text)
    })
    child.once('close', () => {
      if (this.#child !== child) return
      this.#child = undefined
      this.#ended?.(undefined)
    })
    return child
  }
}

const start = (args: string[], queue: 'pipe' | 'ignore'): ChildProcess =>
  spawn(process.execPath, ['--enable-source-maps', ...LAZY, ...args], {
    cwd: root,
    env: { TAP_TIMEOUT: String(TIMEOUT_S), ...process.env },
    stdio: ['ignore', 'pipe', 'pipe', queue],
  })

function readLines({ stdout, stderr }: ChildProcess, line: (text: string) => void): void {
  for (const input of [stdout!, stderr!]) createInterface({ input }).on('line', line)
}

async function runAlone(file: string): Promise<void> {
  const begin = performance.now()
  const child = start([file], 'ignore')
  const hung = setTimeout(() => child.kill('SIGKILL'), MOST_MS)
  const printed: string[] = []
  readLines(child, text => void printed.push(text))
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(hung)
  // tap ends with `# { total: 12, pass: 11, fail: 1 }`, without the counts that are zero.
  const counts = printed.findLast(text => /^# \{ total: .*\}$/.test(text)) ?? ''
  const count = (name: string) => Number(counts.match(new RegExp(`\\b${name}: (\\d+)`))?.[1] ?? 0)
  const ms = Math.round(performance.now() - begin)
  const fail = Math.max(count('fail'), code === 0 ? 0 : 1)
  tell({ file, pass: count('pass'), total: count('total'), fail, ms }, printed)
}

let lanes = 0
async function lane(queue: TestFile[], flags?: string[]): Promise<void> {
  // tap names folders after the group: nested and parallel runs need other names.
  const group = new Group(`lane-${process.pid}-${++lanes}`, flags)
  for (let next = queue.shift(); next !== undefined; next = queue.shift())
    await (next.isAlone ? runAlone(next.file) : group.run(next.file))
  await group.end()
}

const files = findTests(root, process.argv.slice(2))
const begin = performance.now()
const { browser, dom, sideBySide, quiet } = planTests(root, files)
/** These lanes run first, each in its own process, in which one browser or one window serves all files. */
const first = [() => lane(browser), () => lane(dom, ['--import', './dist/test/helpers/dom.js'])]
async function worker(): Promise<void> {
  for (let own = first.shift(); own !== undefined; own = first.shift()) await own()
  await lane(sideBySide)
}
process.stdout.write(`TAP version 14\n1..${files.length}\n`)
await Promise.all(Array.from({ length: jobs }, worker))
await Promise.all([lane(quiet), lane(quiet)])

const sum = (of: (ended: EndedFile) => number) => ran.reduce((total, one) => total + of(one), 0)
const [pass, fail] = [sum(one => one.pass), sum(one => (failed(one) ? Math.max(1, one.fail) : 0))]
for (const one of ran) if (failed(one)) process.stdout.write(`# failed: ${one.file}\n`)
process.stdout.write(`# { total: ${pass + fail}, pass: ${pass}, fail: ${fail} }\n`)
process.stdout.write(`# time=${Math.round((performance.now() - begin) / 1000)}s, ${jobs} side by side\n`)
if (fail > 0 || files.length === 0) process.exitCode = 1
