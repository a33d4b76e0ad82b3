import { spawnSync } from 'node:child_process'
import { readlinkSync, writeSync } from 'node:fs'
import type { ReadStream, WriteStream } from 'node:tty'
import { RawTerminal } from '../exec/raw-terminal.ts'
import type { GuardedTerminal } from './guardian.ts'
import { TerminalModes } from './terminal-modes.ts'

export interface LocalTerminalEvents {
  /** Receives keys. May return a promise: reading stops until it settles. */
  onKeys(keys: Uint8Array): Promise<void> | undefined
  onResize(size: { cols: number; rows: number }): void
  /** The control sequences that undo the program's settings have changed. */
  onModes(undo: string): void
}

const DEFAULT_SIZE = { cols: 80, rows: 24 }

/** The terminal that the agent was started on, lent to the program. Keys and output are passed on unchanged. */
export class LocalTerminal {
  readonly #stdin: ReadStream
  readonly #stdout: WriteStream
  readonly #modes = new TerminalModes()
  readonly #settings = new RawTerminal()
  #events: LocalTerminalEvents | undefined

  constructor(stdin: ReadStream, stdout: WriteStream) {
    this.#stdin = stdin
    this.#stdout = stdout
  }

  /** The original settings as printed by `stty -g`; '' if they could not be read. */
  get settings(): string {
    return this.#settings.saved
  }

  get size(): { cols: number; rows: number } {
    const [cols, rows] = this.#stdout.getWindowSize()
    // A serial line reports no size.
    return cols > 0 && rows > 0 ? { cols, rows } : DEFAULT_SIZE
  }

  /** What the guardian needs to restore the terminal if this process cannot. */
  get guarded(): GuardedTerminal | undefined {
    const path = terminalPath()
    return path === undefined ? undefined : { path, saved: this.#settings.saved, raw: this.#settings.raw }
  }

  /** Lends the terminal to the program. */
  lend(events: LocalTerminalEvents): void {
    this.#events = events
    // A terminal that accepts no output (Ctrl-S, a frozen connection) must not block this process.
    const handle = (this.#stdout as { _handle?: { setBlocking?(blocking: boolean): void } })._handle
    handle?.setBlocking?.(false)
    this.#stdout.on('error', () => {})
    this.#stdin.on('error', () => {})
    this.#begin()
    this.#stdin.on('data', (keys: Buffer) => {
      const taken = events.onKeys(keys)
      if (taken === undefined) return
      this.#stdin.pause()
      void taken.then(() => this.#settings.isRaw && this.#stdin.resume())
    })
    this.#stdout.on('resize', () => events.onResize(this.size))
    // After a SIGSTOP, the shell may have changed the settings.
    process.on('SIGCONT', () => this.#settings.isRaw && this.#begin())
    // However this process ends, even by an exception.
    process.on('exit', () => this.giveBack())
  }

  /** Returns a promise if the terminal currently accepts no more output. */
  show(bytes: Uint8Array): Promise<void> | undefined {
    const before = this.#modes.undo
    this.#modes.push(bytes)
    const { undo } = this.#modes
    if (undo !== before) this.#events?.onModes(undo)
    if (this.#stdout.write(bytes)) return undefined
    return new Promise(resolve => {
      this.#stdout.once('drain', resolve)
      this.#stdout.once('close', resolve)
    })
  }

  /** Stops this process as Ctrl-Z does. Returns when it is continued. */
  suspend(): void {
    this.#settings.end()
    // Signals our whole job, as the shell sees it. If no shell could continue it, the system ignores the signal.
    process.kill(0, 'SIGTSTP')
    this.#begin()
  }

  /** Resolves when all output is written, or when `deadline` resolves. */
  async flushed(deadline: Promise<void>): Promise<void> {
    if (this.#stdout.writableLength === 0) return
    await Promise.race([new Promise<void>(resolve => this.#stdout.write('', () => resolve())), deadline])
  }

  /** Restores the terminal. Idempotent. */
  giveBack(): void {
    if (!this.#settings.isRaw) return
    const { undo } = this.#modes
    if (undo !== '') {
      try {
        writeSync(1, undo)
      } catch {
        // The terminal is gone or accepts no output.
      }
    }
    this.#settings.end()
    this.#stdin.pause()
  }

  #begin(): void {
    this.#settings.begin()
    this.#events?.onResize(this.size)
  }
}

function terminalPath(): string | undefined {
  try {
    if (process.platform === 'linux') return readlinkSync('/proc/self/fd/0')
  } catch {
    return undefined
  }
  const { stdout } = spawnSync('tty', { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' })
  return stdout?.startsWith('/dev/') ? stdout.trim() : undefined
}
