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
  /** Called with each line that the program writes to stderr. */
  onStderr(line: string): void
  clock?: Clock
}

export interface ProgramExit {
  exitCode?: number
  signal?: string
  /** The most telling of its last lines on stderr, which usually says why. */
  lastWords: string
}

/** How long the program may take to exit after the end of its input, before it is interrupted. */
const EOF_MS = 2000
const DELAYS = { termAfterMs: 1000, killAfterMs: 2000, hangupMs: 500 }
/** How long to wait for output still in the pipe. A process left behind may keep the pipe open forever. */
const DRAIN_MS = 500
const MAX_LINE_CHARS = 8192
const LAST_LINES = 40
const SIGNAL_EXIT = 128

/**
 * The agent's program, in its own process session: Ctrl-C at our terminal reaches only us, and processes that the
 * program leaves behind end with it.
 */
export class AcpProgram {
  readonly exited: Promise<ProgramExit>
  readonly #child: ChildProcessWithoutNullStreams
  readonly #clock: Clock
  readonly #stop: SessionStop
  readonly #gone: Promise<unknown>
  #hasExited = false

  /** Rejects if the program cannot be started. */
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

  /** Ends the program, gracefully at first. Resolves when its whole session is gone. Idempotent. */
  async stop(): Promise<void> {
    this.#child.stdin.end()
    await within(this.#clock, EOF_MS, this.exited)
    if (!this.#hasExited) this.#stop.interrupt()
    await this.#gone
  }

  /** Kills the program. */
  async kill(): Promise<void> {
    this.#stop.kill()
    await this.#gone
  }
}

/** The last line that looks like an error, since runtimes print a stack and their version after it. */
const lastWordsOf = (lines: readonly string[]): string =>
  lines.findLast(line => /error|exception|fatal|panic/i.test(line) && !/^at /.test(line)) ?? lines.at(-1) ?? ''

/** The exit code that a shell would report. */
export const exitCodeOf = ({ exitCode, signal }: ProgramExit): number =>
  exitCode ?? SIGNAL_EXIT + (os.signals[signal as NodeJS.Signals] ?? 0)

/** `killed by SIGKILL`, `exit code 2: no API key`. */
export function describeExit({ exitCode, signal, lastWords }: ProgramExit): string {
  const how = signal === undefined ? `exit code ${exitCode}` : `killed by ${signal}`
  return lastWords === '' ? how : `${how}: ${lastWords.slice(0, 500)}`
}

/** Calls back for each line, truncated to MAX_LINE_CHARS. */
function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n')
    // The rest of a line that is too long is dropped.
    text = (lines.pop() ?? '').slice(0, MAX_LINE_CHARS)
    for (const line of lines) onLine(line.slice(0, MAX_LINE_CHARS))
  })
  stream.on('end', () => text !== '' && onLine(text))
}
