import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandRun } from '@fleetwire/client/node'
import type { Part, Surroundings } from './part.ts'
import { pause } from './pause.ts'

const SHELVES = 24
const BOOKS_A_SHELF = 100
const TOTAL = SHELVES * BOOKS_A_SHELF
/** Files between two pauses. Without them, the job would be done before anybody saw it. */
const STEP = 40
const PAUSE_MS = 600
/** The reported confidence before anything has been compared. */
const FIRST_CONFIDENCE = 0.6

const words = [
  'amber',
  'anchor',
  'birch',
  'canal',
  'cedar',
  'delta',
  'ember',
  'fjord',
  'grove',
  'harbor',
  'inlet',
  'juniper',
]

const bookOf = (n: number): string =>
  join(`shelf-${Math.floor(n / BOOKS_A_SHELF) + 1}`, `book-${n % BOOKS_A_SHELF}.txt`)
const counted = (n: number): string => n.toLocaleString('en')

/** Copies a library of files, hashes both sides and compares them: a long job, reported as a task with three parts. */
export function archivist({ scratch, client }: Surroundings): Part {
  const library = join(scratch, 'library')
  let filesPerSecond = 0
  let isFilled = false

  async function fill(): Promise<void> {
    if (isFilled) return
    for (let shelf = 1; shelf <= SHELVES; shelf++) await mkdir(join(library, `shelf-${shelf}`), { recursive: true })
    for (let n = 0; n < TOTAL; n += STEP) {
      await Promise.all(Array.from({ length: STEP }, (_, i) => writeFile(join(library, bookOf(n + i)), pagesOf(n + i))))
    }
    isFilled = true
  }

  /** Does `work` for every file, in steps that people can follow. `told` gets the number of finished files. */
  async function each(run: CommandRun, work: (n: number) => Promise<void>, told: (done: number) => void) {
    for (let n = 0; n < TOTAL; n += STEP) {
      run.signal.throwIfAborted()
      await Promise.all(Array.from({ length: STEP }, (_, i) => work(n + i)))
      filesPerSecond = Math.round((STEP / PAUSE_MS) * 1000)
      told(n + STEP)
      await pause(PAUSE_MS, run.signal)
    }
  }

  async function copyAndCompare(run: CommandRun): Promise<{ files: number; different: number; digest: string }> {
    const copy = join(scratch, `copy-of-${run.commandId}`)
    const job = new Job(run, client)
    try {
      await job.part('list', 'List the library', async tell => {
        tell(0, 'Writing a library to copy, if there is none')
        await fill()
        for (let shelf = 1; shelf <= SHELVES; shelf++) await mkdir(join(copy, `shelf-${shelf}`), { recursive: true })
      })
      await job.part('copy', 'Copy every file', tell =>
        each(
          run,
          n => copyFile(join(library, bookOf(n)), join(copy, bookOf(n))),
          done => {
            tell(done / TOTAL, `${counted(done)} of ${counted(TOTAL)} files copied`)
            job.tell(done / TOTAL / 2, FIRST_CONFIDENCE, `Copied ${counted(done)} of ${counted(TOTAL)} files`)
          },
        ),
      )
      let different = 0
      const all = createHash('sha256')
      await job.part('compare', 'Hash and compare both sides', tell =>
        each(
          run,
          async n => {
            const [before, after] = await Promise.all([
              digestOf(join(library, bookOf(n))),
              digestOf(join(copy, bookOf(n))),
            ])
            if (before !== after) different++
            all.update(after)
          },
          done => {
            const believed = different > 0 ? 0 : FIRST_CONFIDENCE + (1 - FIRST_CONFIDENCE) * (done / TOTAL)
            tell(done / TOTAL, `${counted(done)} of ${counted(TOTAL)} files compared`, believed)
            job.tell(
              0.5 + done / TOTAL / 2,
              believed,
              `Compared ${counted(done)} of ${counted(TOTAL)} files, ${different} differ`,
            )
          },
        ),
      )
      const result = { files: TOTAL, different, digest: all.digest('hex') }
      job.complete(result)
      return result
    } catch (error) {
      job.end(run.signal.aborted ? 'task:cancel' : 'task:fail', error)
      throw error
    } finally {
      filesPerSecond = 0
      await rm(copy, { recursive: true, force: true })
    }
  }

  return {
    kind: 'sdk',
    handlers: {
      async prompt(run) {
        const { files, different, digest } = await copyAndCompare(run)
        const output = `${counted(files)} files copied and compared, ${different} differ. Together: sha256 ${digest}`
        return { status: different === 0 ? 'succeeded' : 'failed', output }
      },
    },
    measure: () => ({ filesPerSecond }),
  }
}

/** Reports a task with parts, and the progress of its command. */
class Job {
  readonly #run: CommandRun
  readonly #client: Surroundings['client']
  readonly #taskId: string
  #part: string | undefined

  constructor(run: CommandRun, client: Surroundings['client']) {
    this.#run = run
    this.#client = client
    this.#taskId = run.taskId ?? `archive-${run.commandId.slice(-10)}`
    const title = 'Archive the library'
    const description = `Copy ${counted(TOTAL)} files, hash both sides and compare them.`
    client().report('task:start', { taskId: this.#taskId, title, description, labels: { team: 'build' } })
  }

  async part(
    name: string,
    title: string,
    work: (tell: (progress: number, message: string, confidence?: number) => void) => Promise<void>,
  ) {
    const taskId = `${this.#taskId}-${name}`
    this.#part = taskId
    this.#client().report('task:start', { taskId, title, parentTaskId: this.#taskId })
    await work((progress, message, confidence = FIRST_CONFIDENCE) =>
      this.#client().report('task:progress', { taskId, progress, confidence, message }),
    )
    this.#part = undefined
    this.#client().report('task:complete', { taskId, progress: 1, confidence: 1, message: 'Done' })
  }

  tell(progress: number, confidence: number, message: string): void {
    this.#run.progress({ progress, confidence, message })
    this.#client().report('task:progress', { taskId: this.#taskId, progress, confidence, message })
  }

  complete(result: { files: number; different: number }): void {
    const message = `${counted(result.files)} files, ${result.different} differ`
    this.#client().report('task:complete', { taskId: this.#taskId, progress: 1, confidence: 1, message, result })
  }

  /** Ends the task and its current part in the same way. */
  end(how: 'task:cancel' | 'task:fail', error: unknown): void {
    const why = how === 'task:fail' ? { error: (error as Error).message } : { message: 'Stopped; the copy is removed' }
    for (const taskId of [this.#part, this.#taskId]) {
      if (taskId !== undefined) this.#client().report(how, { taskId, ...why })
    }
  }
}

const digestOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

/** A few kilobytes of text, different for every book but always the same for one book. */
function pagesOf(n: number): string {
  const word = (i: number) => words[(n * 7 + i * i + (i >> 3)) % words.length]
  return Array.from({ length: 200 + (n % 300) }, (_, i) => word(i)).join(' ')
}
