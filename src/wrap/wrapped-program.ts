import { spawnSync } from 'node:child_process'
import type { Clock } from '../clock.ts'
import { hasEnded, readStat } from '../exec/proc.ts'
import { Pty, type PtyExit } from '../exec/pty.ts'
import { SessionProcesses } from '../exec/session-processes.ts'
import { SessionStop } from '../exec/session-stop.ts'

export interface WrappedProgramOptions {
  /** An executable file. */
  file: string
  args: readonly string[]
  env: Record<string, string>
  cwd: string
  cols: number
  rows: number
  /** Settings for the program's terminal, copied from the local one, as printed by `stty -g`. */
  settings?: string | undefined
  clock: Clock
  /** May return a promise: reading stops until it settles, which eventually blocks the program. */
  onOutput(bytes: Uint8Array): void | Promise<void>
  /** The program has stopped (Ctrl-Z). `resume` continues it. */
  onStop(): void
}

/**
 * The program runs as a job of a small shell, so that it can be stopped: a process without a parent in its session
 * cannot. The shell then stops too, of which we learn by SIGCHLD. Once continued, the shell continues
 * the program in the foreground. The shell survives signals meant for the program, and prints nothing.
 */
const LEADER = `set -m
trap : INT QUIT TERM HUP
exec 3>&2 2>/dev/null
[ -z "$1" ] || stty "$1"
shift
"$@" 2>&3 3>&-
status=$?
while jobs %1 >/dev/null; do kill -STOP $$; fg %1 >/dev/null; status=$?; done
exit $status`

/** How long the program may take to end after each signal before the next one is sent. */
const DELAYS = { termAfterMs: 3000, killAfterMs: 3000, hangupMs: 2000 }

/** One program on its own terminal. */
export class WrappedProgram {
  readonly #pty: Pty
  readonly #stop: SessionStop
  readonly #processes: SessionProcesses
  readonly #onChild: () => void
  /** Resolves when the program and everything it left in its session have ended and the output is read. */
  readonly ended: Promise<PtyExit>
  #hasEnded = false
  #typing: Promise<void> = Promise.resolve()
  #aheadBytes = 0

  /** Throws if no terminal is available. */
  constructor(options: WrappedProgramOptions) {
    const { file, args, env, cwd, cols, rows, settings = '', clock, onOutput, onStop } = options
    this.#pty = new Pty({
      file: '/bin/sh',
      args: ['-c', LEADER, 'fleetwire', settings, file, ...args],
      ...{ env, cwd, cols, rows },
      onData: onOutput,
    })
    this.#processes = new SessionProcesses(this.#pty.pid)
    this.#stop = new SessionStop(this.#processes, clock, DELAYS)
    this.#onChild = () => {
      if (!this.#hasEnded && isStopped(this.#pty.pid)) onStop()
    }
    process.on('SIGCHLD', this.#onChild)
    this.ended = this.#wait()
  }

  /** The pid of the session leader. */
  get pid(): number {
    return this.#pty.pid
  }

  /**
   * The number of typed bytes that the terminal has not taken. Callers that cannot wait drop keys beyond some limit.
   */
  get aheadBytes(): number {
    return this.#aheadBytes
  }

  /** Types keys, in the order of the calls and not interleaved. Resolves once the terminal has them. */
  type(keys: string | Uint8Array): Promise<void> {
    const bytes = typeof keys === 'string' ? Buffer.from(keys) : keys
    this.#aheadBytes += bytes.length
    this.#typing = this.#typing
      .then(() => this.#pty.fill(bytes))
      .finally(() => {
        this.#aheadBytes -= bytes.length
      })
    return this.#typing
  }

  /** Runs `typing` with exclusive access. Keys typed in the meantime come afterwards. */
  alone(typing: (type: (keys: string) => Promise<void>) => Promise<void>): Promise<void> {
    this.#typing = this.#typing.then(() => typing(keys => this.#pty.fill(Buffer.from(keys))))
    return this.#typing
  }

  /** Types at once, ahead of pending keys. */
  press(keys: string): void {
    this.#pty.write(keys)
  }

  resize({ cols, rows }: { cols: number; rows: number }): void {
    this.#pty.resize(cols, rows)
  }

  /** Continues the program after a stop. */
  resume(): void {
    try {
      if (!this.#hasEnded) process.kill(this.#pty.pid, 'SIGCONT')
    } catch {
      // The program has just ended.
    }
  }

  /** Ends the program, gracefully at first. `ended` resolves when that is done. */
  end(signal: NodeJS.Signals): void {
    if (!this.#hasEnded) this.#stop.terminate(signal)
  }

  async #wait(): Promise<PtyExit> {
    const exit = await this.#pty.exited
    this.#hasEnded = true
    process.off('SIGCHLD', this.#onChild)
    await this.#stop.finish()
    this.#pty.close()
    return exit
  }
}

function isStopped(pid: number): boolean {
  if (process.platform === 'linux') {
    const stat = readStat(pid)
    return stat !== undefined && !hasEnded(stat) && stat.state === 'T'
  }
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim().startsWith('T')
}
