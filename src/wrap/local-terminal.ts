import { spawnSync } from 'node:child_process'
import { readlinkSync, writeSync } from 'node:fs'
import type { ReadStream, WriteStream } from 'node:tty'
import { RawTerminal } from '../exec/raw-terminal.ts'
import type { GuardedTerminal } from './guardian.ts'
import { TerminalModes } from './terminal-modes.ts'

export interface LocalTerminalEvents {
  /** Keys. May return a promise: until it settles, no more are read. */
  onKeys(keys: Uint8Array): Promise<void> | undefined
  onResize(size: { cols: number; rows: number }): void
  /** What has to be undone on it has changed. */
  onModes(undo: string): void
}

const DEFAULT_SIZE = { cols: 80, rows: 24 }

/**
 * The terminal that the agent was started on, lent to the program: its keys go there unchanged, and what the program
 * prints is shown unchanged.
 */
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

  /** The settings from before, as `stty -g` writes them; '' if this system does not tell. */
  get settings(): string {
    return this.#settings.saved
  }

  get size(): { cols: number; rows: number } {
    const [cols, rows] = this.#stdout.getWindowSize()
    // A serial line tells none.
    return cols > 0 && rows > 0 ? { cols, rows } : DEFAULT_SIZE
  }

  /** For whoever gives it back if this process cannot. */
  get guarded(): GuardedTerminal | undefined {
    const path = terminalPath()
    return path === undefined ? undefined : { path, saved: this.#settings.saved, raw: this.#settings.raw }
  }

  /** From here on, it is the program's. */
  lend(events: LocalTerminalEvents): void {
    this.#events = events
    // A terminal that takes nothing (Ctrl-S, a frozen connection) must not freeze this process.
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
    // It was taken from us by SIGSTOP, and the shell has used it since.
    process.on('SIGCONT', () => this.#settings.isRaw && this.#begin())
    // Whatever ends this process, even a fault.
    process.on('exit', () => this.giveBack())
  }

  /** Returns a promise if the terminal takes no more for now. */
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

  /** Stops this process as Ctrl-Z does, and comes back when it is continued. */
  suspend(): void {
    this.#settings.end()
    // All of our job, as the shell counts it. Where nobody could continue it, the system ignores this.
    process.kill(0, 'SIGTSTP')
    this.#begin()
  }

  /** Resolves when everything that was shown is written, or `deadline` is over. */
  async flushed(deadline: Promise<void>): Promise<void> {
    if (this.#stdout.writableLength === 0) return
    await Promise.race([new Promise<void>(resolve => this.#stdout.write('', () => resolve())), deadline])
  }

  /** Idempotent. */
  giveBack(): void {
    if (!this.#settings.isRaw) return
    const { undo } = this.#modes
    if (undo !== '') {
      try {
        writeSync(1, undo)
      } catch {
        // It is gone, or takes nothing.
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
