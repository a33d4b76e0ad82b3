import { closeSync, constants, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants as os } from 'node:os'
import { ReadStream } from 'node:tty'
import { PacedOutput } from './paced-output.ts'

export interface PtyOptions {
  file: string
  args: string[]
  env: Record<string, string>
  cwd: string
  cols: number
  rows: number
  /**
   * Receives output as it arrives. May return a promise: reading stops until it settles, which eventually blocks the
   * program.
   */
  onData(bytes: Uint8Array): void | Promise<void>
}

export interface PtyExit {
  exitCode?: number
  signal?: NodeJS.Signals
}

/** The part of node-pty's addon that is used here. */
interface Binding {
  fork(
    file: string,
    args: string[],
    env: string[],
    cwd: string,
    cols: number,
    rows: number,
    uid: number,
    gid: number,
    utf8: boolean,
    helperPath: string,
    onExit: (exitCode: number, signal: number) => void,
  ): { fd: number; pid: number; pty: string }
  resize(fd: number, cols: number, rows: number): void
}

/** How many bytes may be typed ahead of a program that does not read. More is dropped, as in a real terminal. */
const MAX_TYPED_BYTES = 64 * 1024
const NOT_CHANGED = -1

const require = createRequire(import.meta.url)
const signalNames = new Map(Object.entries(os.signals).map(([name, number]) => [number, name as NodeJS.Signals]))

/**
 * A program on its own pseudoterminal, as the leader of its own session and process group.
 *
 * This uses the addon of @lydell/node-pty but not its class, which loses output: it destroys the terminal 200 ms after
 * the exit whether or not everything was read, and libuv treats a hang-up as the end of the output. Here, our own
 * descriptor of the program's side keeps the terminal from hanging up, and after the exit the remaining output is read
 * to the end.
 */
export class Pty {
  readonly pid: number
  /** Resolves when the program has ended. Some of its output may still be unread. */
  readonly exited: Promise<PtyExit>
  readonly #binding: Binding
  readonly #fd: number
  readonly #programSide: number
  readonly #stream: ReadStream
  readonly #output: PacedOutput
  #open = true

  /** Throws if the addon is missing or no terminal is available. A program that cannot be executed exits with 1. */
  constructor({ file, args, env, cwd, cols, rows, onData }: PtyOptions) {
    const root = '@lydell/node-pty'
    this.#binding = (require(`${root}/requireBinary.js`) as { requireBinary(name: string): Binding }).requireBinary(
      'pty.node',
    )
    const helper = process.platform === 'darwin' ? require.resolve(`${root}-darwin-${process.arch}/spawn-helper`) : ''
    const { promise, resolve } = withResolvers<PtyExit>()
    this.exited = promise
    const pairs = Object.entries({ ...env, PWD: cwd }).map(([name, value]) => `${name}=${value}`)
    const onExit = (exitCode: number, signal: number) =>
      resolve(signal === 0 ? { exitCode } : { signal: signalNames.get(signal) ?? ('SIGKILL' as const) })
    const forked = this.#binding.fork(
      file,
      args,
      pairs,
      cwd,
      cols,
      rows,
      NOT_CHANGED,
      NOT_CHANGED,
      true,
      helper,
      onExit,
    )
    this.pid = forked.pid
    this.#fd = forked.fd
    this.#programSide = openSync(forked.pty, constants.O_RDWR | constants.O_NOCTTY)
    this.#stream = new ReadStream(forked.fd)
    this.#output = new PacedOutput(this.#stream, forked.fd, onData)
  }

  write(data: string): void {
    if (this.#open && this.#stream.writableLength < MAX_TYPED_BYTES) this.#stream.write(data)
  }

  /** Drops nothing: resolves once the terminal has taken all bytes, which waits for a program that does not read. */
  fill(bytes: Uint8Array): Promise<void> {
    if (!this.#open) return Promise.resolve()
    return new Promise(resolve => this.#stream.write(bytes, () => resolve()))
  }

  resize(cols: number, rows: number): void {
    if (this.#open) this.#binding.resize(this.#fd, cols, rows)
  }

  /** Passes on the remaining output without waiting for the consumer, and closes the terminal. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#output.close()
    closeSync(this.#programSide)
  }
}

function withResolvers<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}
