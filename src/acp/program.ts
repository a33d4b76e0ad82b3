import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants as os } from 'node:os'
import { type Clock, systemClock } from '../clock.ts'
import { SessionProcesses } from '../exec/session-processes.ts'
import { SessionStop } from '../exec/session-stop.ts'
import { within } from './within.ts'

export interface ProgramOptions {
  file: string
  args: readonly string[]
  cwd: string
  env: Record<string, string>
  /** A line that it wrote to stderr, as it is. */
  onStderr(line: string): void
  clock?: Clock
}

export interface ProgramExit {
  exitCode?: number
  signal?: string
  /** What it wrote to stderr at last, in a line: usually why. */
  lastWords: string
}

/** Programs that end with their input get this long to do so. */
const EOF_MS = 2000
const DELAYS = { termAfterMs: 1000, killAfterMs: 2000, hangupMs: 500 }
/** What it wrote before it ended is still in the pipe; a process that it left behind may hold the pipe for ever. */
const DRAIN_MS = 500
const MAX_LINE_CHARS = 8192
const LAST_LINES = 40
const SIGNAL_EXIT = 128

/**
 * The program that is the agent, in a session of its own: Ctrl-C at our terminal reaches us alone, and what the program
 * leaves behind ends with it.
 */
export class AcpProgram {
  readonly exited: Promise<ProgramExit>
  readonly #child: ChildProcessWithoutNullStreams
  readonly #clock: Clock
  readonly #stop: SessionStop
  readonly #gone: Promise<unknown>
  #hasExited = false

  /** Rejects if the system does not start it. */
  static async start(options: ProgramOptions): Promise<AcpProgram> {
    const { file, args, cwd, env } = options
    const child = spawn(file, args, { cwd, env: { ...env, PWD: cwd }, stdio: 'pipe', detached: true })
    if (child.pid === undefined) throw (await once(child, 'error'))[0]
    return new AcpProgram(child, child.pid, options)
  }

  private constructor(
    child: ChildProcessWithoutNullStreams,
    pid: number,
    { onStderr, clock = systemClock }: ProgramOptions,
  ) {
    this.#child = child
    this.#clock = clock
    this.#stop = new SessionStop(new SessionProcesses(pid), clock, DELAYS)
    const lastLines: string[] = []
    readLines(child.stderr, line => {
      if (line.trim() !== '') lastLines.push(line.trim())
      if (lastLines.length > LAST_LINES) lastLines.shift()
      onStderr(line)
    })
    const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    const closed = once(child, 'close')
    this.#gone = exit.then(() => this.#stop.finish())
    this.exited = exit.then(async ([code, signal]) => {
      this.#hasExited = true
      await within(clock, DRAIN_MS, closed)
      return {
        ...(code === null ? { signal: signal ?? 'SIGKILL' } : { exitCode: code }),
        lastWords: lastWordsOf(lastLines),
      }
    })
  }

  get stdin(): ChildProcessWithoutNullStreams['stdin'] {
    return this.#child.stdin
  }

  get stdout(): ChildProcessWithoutNullStreams['stdout'] {
    return this.#child.stdout
  }

  /** Ends it, politely first. Resolves when it and all of its session are gone. Idempotent. */
  async stop(): Promise<void> {
    this.#child.stdin.end()
    await within(this.#clock, EOF_MS, this.exited)
    if (!this.#hasExited) this.#stop.interrupt()
    await this.#gone
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#stop.kill()
    await this.#gone
  }
}

/** After the line that says why, runtimes print where, and their own version. */
const lastWordsOf = (lines: readonly string[]): string =>
  lines.findLast(line => /error|exception|fatal|panic/i.test(line) && !/^at /.test(line)) ?? lines.at(-1) ?? ''

/** How a shell would report the end. */
export const exitCodeOf = ({ exitCode, signal }: ProgramExit): number =>
  exitCode ?? SIGNAL_EXIT + (os.signals[signal as NodeJS.Signals] ?? 0)

/** `killed by SIGKILL`, `exit code 2: no API key`. */
export function describeExit({ exitCode, signal, lastWords }: ProgramExit): string {
  const how = signal === undefined ? `exit code ${exitCode}` : `killed by ${signal}`
  return lastWords === '' ? how : `${how}: ${lastWords.slice(0, 500)}`
}

/** Calls back for each line, cut to a length that may be shown. */
function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n')
    // What follows of a line that is too long is dropped.
    text = (lines.pop() ?? '').slice(0, MAX_LINE_CHARS)
    for (const line of lines) onLine(line.slice(0, MAX_LINE_CHARS))
  })
  stream.on('end', () => text !== '' && onLine(text))
}
