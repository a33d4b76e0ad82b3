import { spawnSync } from 'node:child_process'
import type { Clock } from '../clock.ts'
import { hasEnded, readStat } from '../exec/proc.ts'
import { Pty, type PtyExit } from '../exec/pty.ts'
import { SessionProcesses } from '../exec/session-processes.ts'
import { SessionStop } from '../exec/session-stop.ts'

export interface WrappedProgramOptions {
  /** A file that can be run, and its arguments. */
  file: string
  args: readonly string[]
  env: Record<string, string>
  cwd: string
  cols: number
  rows: number
  /** The settings of the terminal in whose place the program gets its own, as `stty -g` writes them. */
  settings?: string | undefined
  clock: Clock
  /** May return a promise: the program waits until it settles. */
  onOutput(bytes: Uint8Array): void | Promise<void>
  /** The program has stopped (Ctrl-Z). `resume` continues it. */
  onStop(): void
}

/**
 * The program gets a job of its own in its session, so that it can be stopped: what has no parent in its session cannot.
 * The small shell around it stops with it, which its own parent is told by SIGCHLD, and once it is continued it continues
 * the program in the foreground. The shell survives the signals that are meant for the program, and prints nothing.
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

/** A program that takes this long to end when asked to, is asked differently. */
const DELAYS = { termAfterMs: 3000, killAfterMs: 3000, hangupMs: 2000 }

/** One program on a terminal of its own. */
export class WrappedProgram {
  readonly #pty: Pty
  readonly #stop: SessionStop
  readonly #processes: SessionProcesses
  readonly #onChild: () => void
  /** Resolves when the program, and all that it left in its session, has ended and its output is read. */
  readonly ended: Promise<PtyExit>
  #hasEnded = false
  #typing: Promise<void> = Promise.resolve()
  #aheadBytes = 0

  /** Throws if the system gives no terminal. */
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

  /** The leader of its session. */
  get pid(): number {
    return this.#pty.pid
  }

  /** How much is typed that the program has not read: whoever cannot wait drops keys beyond some limit. */
  get aheadBytes(): number {
    return this.#aheadBytes
  }

  /** Types keys, each whole and in the order of the calls. Resolves once the terminal has them. */
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

  /** What is typed meanwhile comes after what `typing` types. */
  alone(typing: (type: (keys: string) => Promise<void>) => Promise<void>): Promise<void> {
    this.#typing = this.#typing.then(() => typing(keys => this.#pty.fill(Buffer.from(keys))))
    return this.#typing
  }

  /** Types at once, before whatever waits. */
  press(keys: string): void {
    this.#pty.write(keys)
  }

  resize({ cols, rows }: { cols: number; rows: number }): void {
    this.#pty.resize(cols, rows)
  }

  /** Continues it after a stop. */
  resume(): void {
    try {
      if (!this.#hasEnded) process.kill(this.#pty.pid, 'SIGCONT')
    } catch {
      // It has ended meanwhile.
    }
  }

  /** Asks it to end, then makes it. `ended` tells when it has. */
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
