import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock, Timer } from '../clock.ts'
import { PacedOutput } from './paced-output.ts'
import type { PtyExit } from './pty.ts'

export interface PipeProcessOptions {
  file: string
  args: string[]
  env: Record<string, string>
  cwd: string
  clock: Clock
  /** Receives stdout and stderr in the order of writing. May return a promise: reading stops until it settles. */
  onData(bytes: Uint8Array): void | Promise<void>
  /** The pipe took this many bytes of input. If the program no longer reads, bytes are dropped and count as taken. */
  onTaken(bytes: number): void
}

interface Ends {
  /** The program's ends of the pipes. They are blocking, as a program expects. */
  stdin: number
  output: number
  /** Our ends, non-blocking. */
  feed: number
  read: number
  /** The folder that contains the FIFOs. */
  folder: string
}

const REOPEN_MS = 100
const INPUT = 'in'
const OUTPUT = 'out'
const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants

/**
 * A program on pipes, as in a shell pipeline, that leads its own session. Stdout and stderr share one pipe, which keeps
 * their order.
 *
 * The pipes are created with mkfifo: Node would create sockets, and a program cannot open a socket as /dev/stdin.
 */
export class PipeProcess {
  readonly pid: number
  readonly exited: Promise<PtyExit>
  readonly #input: Socket
  readonly #output: PacedOutput
  readonly #options: PipeProcessOptions
  readonly #folder: string
  #open = true
  #reopening: Timer | undefined

  /** Rejects if the pipes cannot be created or the program cannot be started. */
  static async start(options: PipeProcessOptions): Promise<PipeProcess> {
    const ends = await openPipes()
    try {
      const { file, args, env, cwd } = options
      const stdio = [ends.stdin, ends.output, ends.output]
      const child = spawn(file, args, { cwd, env: { ...env, PWD: cwd }, stdio, detached: true })
      if (child.pid !== undefined) return new PipeProcess(child, child.pid, ends, options)
      closeSync(ends.feed)
      closeSync(ends.read)
      await rm(ends.folder, { recursive: true, force: true })
      throw await new Promise(resolve => child.once('error', resolve))
    } finally {
      closeSync(ends.stdin)
      closeSync(ends.output)
    }
  }

  private constructor(child: ChildProcess, pid: number, { feed, read, folder }: Ends, options: PipeProcessOptions) {
    this.pid = pid
    this.#options = options
    this.#folder = folder
    this.exited = new Promise(resolve => {
      child.once('exit', (code, signal) =>
        resolve(code === null ? { signal: signal ?? 'SIGKILL' } : { exitCode: code }),
      )
    })
    this.#input = new Socket({ fd: feed, readable: false })
    // A program that stops reading its input is not an error.
    this.#input.on('error', () => {})
    this.#output = new PacedOutput(new Socket({ fd: read, writable: false }), read, bytes => options.onData(bytes))
  }

  /** Appends bytes to the input. `eof`: no more will follow. */
  feed(bytes: Uint8Array, eof: boolean): void {
    if (!this.#open) return
    const taken = () => this.#options.onTaken(bytes.length)
    if (this.#input.destroyed) taken()
    else if (bytes.length > 0) this.#input.write(bytes, taken)
    if (eof) this.#input.end(() => this.#letReopen())
  }

  /**
   * A program that opens the FIFO again (`cat /dev/stdin`) would block until somebody opens it for writing, though it
   * only needs to see the end of the file. So the FIFO is opened for writing and closed again at intervals.
   */
  #letReopen(): void {
    if (!this.#open) return
    this.#reopening = this.#options.clock.setInterval(() => {
      try {
        closeSync(openSync(join(this.#folder, INPUT), O_WRONLY | O_NONBLOCK))
      } catch {
        // No reader has it open.
      }
    }, REOPEN_MS)
  }

  /** Passes on the remaining output without waiting for the consumer, and closes the pipes. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#output.close()
    this.#input.destroy()
    this.#reopening?.cancel()
    rm(this.#folder, { recursive: true, force: true }).catch(() => {})
  }
}

async function openPipes(): Promise<Ends> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetwire-pipes-'))
  const [input, output] = [join(folder, INPUT), join(folder, OUTPUT)]
  try {
    await promisify(execFile)('mkfifo', ['-m', '600', input, output])
    // Opening a FIFO for reading and writing does not block. While it is open, opening either end does not block
    // either.
    const both = openSync(input, O_RDWR)
    const stdin = openSync(input, O_RDONLY)
    const feed = openSync(input, O_WRONLY | O_NONBLOCK)
    closeSync(both)
    const read = openSync(output, O_RDONLY | O_NONBLOCK)
    return { stdin, feed, read, output: openSync(output, O_WRONLY), folder }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}
