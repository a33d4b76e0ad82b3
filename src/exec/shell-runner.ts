import { stat } from 'node:fs/promises'
import { constants as os } from 'node:os'
import type { AgentTerminal, AgentTerminalOptions, CommandRun } from '@fleetwire/client'
import type { CommandOutcome } from '@fleetwire/protocol'
import { type Clock, systemClock } from '../clock.ts'
import { commandEnv } from './command-env.ts'
import { findProgram } from './find-program.ts'
import { InputWatch } from './input-watch.ts'
import { OutputTail } from './output-tail.ts'
import { Pty, type PtyExit } from './pty.ts'
import { asCommandOfSession } from './session-leader.ts'
import { SessionProcesses } from './session-processes.ts'
import { SessionStop, type StopDelays } from './session-stop.ts'
import { PipedProgram, type ShellProgram, TerminalProgram } from './shell-program.ts'

/** The parts of a run and of its terminal that the runner uses. */
export type ShellRun = Pick<CommandRun, 'commandId' | 'input' | 'stdio' | 'signal' | 'force' | 'waiting'>
export type ShellTerminal = Pick<AgentTerminal, 'write' | 'resize' | 'exit' | 'taken'>

export interface ShellRunnerOptions extends Partial<StopDelays> {
  /** `client.openTerminal`. */
  openTerminal(options: AgentTerminalOptions): ShellTerminal
  /** The agent's own environment. Commands get it as filtered by `commandEnv`. */
  env: Record<string, string | undefined>
  /** A path, or a name to look up in the PATH of `env`. */
  shell?: string
  cwd?: string
  cols?: number
  rows?: number
  clock?: Clock
}

const SIGNAL_EXIT = 128
const MAX_NAMES = 10

/**
 * Runs commands as shell lines: each as `<shell> -c <line>` on its own terminal, whose id is the command's. A command
 * ends when its whole session has ended: processes that the shell leaves behind get SIGHUP, then SIGKILL, and are named
 * in the result. To leave a process running, a line starts it in its own session (`setsid`); `nohup` and `&` are not
 * enough.
 *
 * On an interrupt the session gets SIGINT, then SIGTERM, then SIGKILL. The outcome is `cancelled` if the shell was
 * still running.
 */
export function createShellRunner(options: ShellRunnerOptions): (run: ShellRun) => Promise<CommandOutcome> {
  const { shell = '/bin/sh', cwd = process.cwd(), cols = 80, rows = 24, clock = systemClock } = options
  const delays = { termAfterMs: 5000, killAfterMs: 5000, hangupMs: 1000, ...given(options) }
  const env = commandEnv(options.env)

  return async run => {
    const line = readLine(run.input)
    if (line === undefined) return failed('invalid_input', 'invalid input: a shell command is a line of text.')
    const file = await findProgram(shell, env.PATH)
    if (file === undefined) return failed('spawn_failed', `The shell ${shell} does not exist or cannot be run.`)
    if (!(await isFolder(cwd))) return failed('spawn_failed', `The working folder ${cwd} does not exist.`)
    if (run.signal.aborted) return { status: 'cancelled' }
    const args = ['-c', line]
    // Without a terminal, no process gets SIGHUP when the session leader ends.
    const leader = run.stdio === 'pipe' ? { file, args } : asCommandOfSession(file, args)
    return execute(run, { ...leader, env: { ...env, FLEETWIRE_COMMAND_ID: run.commandId } })
  }

  async function execute(
    run: ShellRun,
    started: { file: string; args: string[]; env: Record<string, string> },
  ): Promise<CommandOutcome> {
    const tail = new OutputTail()
    let program: ShellProgram | undefined
    let begin: (program: ShellProgram) => void = () => {}
    // Input may arrive before the pipe for it exists.
    const begun = new Promise<ShellProgram>(resolve => {
      begin = resolve
    })
    let watch: InputWatch | undefined
    const terminal: ShellTerminal = options.openTerminal({
      terminalId: run.commandId,
      cols,
      rows,
      onInput: data => program?.write(data),
      onPiped: (bytes, eof) => void begun.then(program => program.feed(bytes, eof)),
      onRead: offset => program?.read(offset),
      onResize: size => {
        program?.resize(size.cols, size.rows)
        terminal.resize(size.cols, size.rows)
      },
    })
    // Announces the terminal with this size before the command prints anything.
    terminal.resize(cols, rows)
    const onData = (bytes: Uint8Array) => {
      tail.append(bytes)
      watch?.printed()
      return terminal.write(bytes)
    }
    try {
      if (run.stdio === 'pipe') program = await PipedProgram.start({ ...started, cwd, clock, tail, terminal })
      else program = new TerminalProgram(new Pty({ ...started, cwd, cols, rows, onData }))
    } catch (error) {
      terminal.exit({})
      return failed('spawn_failed', `The command could not be started: ${(error as Error).message}`)
    }
    begin(program)
    const processes = new SessionProcesses(program.pid)
    const stop = new SessionStop(processes, clock, delays)
    // Only inferred: a program that also reads keys while it works looks the same.
    if (run.stdio !== 'pipe')
      watch = new InputWatch({ leader: program.pid, clock, onChange: detail => run.waiting(detail, 'inferred') })
    let interrupted = false
    const release = [
      onAbort(run.signal, () => {
        const early = processes.leaderIsAlive()
        interrupted ||= early
        // Once the shell has ended, a graceful signal is useless.
        if (early) stop.interrupt()
        else stop.kill()
      }),
      onAbort(run.force, () => {
        interrupted ||= processes.leaderIsAlive()
        stop.kill()
      }),
    ]
    const exit = await program.exited
    watch?.stop()
    const { result, ended } = await stop.finish()
    for (const remove of release) remove()
    program.close()
    terminal.exit(exit)
    const detail = ended.length === 0 ? {} : { detail: describeEnded(ended) }
    const outcome = { ...outcomeOf(exit, interrupted), ...tail.outcome(), ...detail }
    return result === 'gone'
      ? outcome
      : { ...outcome, error: `${outcome.error ?? ''} Some of its processes could not be ended.`.trim() }
  }
}

function outcomeOf({ exitCode, signal }: PtyExit, interrupted: boolean): CommandOutcome {
  const code = exitCode ?? SIGNAL_EXIT + (signal ? os.signals[signal] : 0)
  if (interrupted) return { status: 'cancelled', exitCode: code }
  if (code === 0) return { status: 'succeeded', exitCode: 0 }
  if (signal) return { status: 'failed', exitCode: code, error: `killed by ${signal}` }
  // A shell reports the signal that ended its last command this way.
  const named = Object.entries(os.signals).find(([, number]) => number === code - SIGNAL_EXIT)
  return { status: 'failed', exitCode: code, error: `exit code ${code}${named ? ` (${named[0]})` : ''}` }
}

/** Each name once, up to a limit: `2 processes were ended: node, sleep`. */
function describeEnded(names: readonly string[]): string {
  const different = [...new Set(names)].sort()
  const more = different.length > MAX_NAMES ? `, … (${different.length - MAX_NAMES} more)` : ''
  const listed = different.slice(0, MAX_NAMES).join(', ') + more
  return names.length === 1 ? `1 process was ended: ${listed}` : `${names.length} processes were ended: ${listed}`
}

const failed = (code: string, message: string): CommandOutcome => ({ status: 'failed', error: { code, message } })

/** A line from a Windows client may contain CR. A NUL would end the line early in the system call. */
function readLine(input: unknown): string | undefined {
  if (typeof input !== 'string' || input.includes('\0')) return undefined
  return input.replace(/\r\n?/g, '\n').replace(/\n+$/, '')
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

/** Also calls `act` if the signal was aborted already. Returns a function that removes the listener. */
function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) act()
  else signal.addEventListener('abort', act, { once: true })
  return () => signal.removeEventListener('abort', act)
}

function given({ termAfterMs, killAfterMs, hangupMs }: Partial<StopDelays>): Partial<StopDelays> {
  return {
    ...(termAfterMs !== undefined && { termAfterMs }),
    ...(killAfterMs !== undefined && { killAfterMs }),
    ...(hangupMs !== undefined && { hangupMs }),
  }
}
