import type { AgentTerminal, AgentTerminalOptions } from '@fleetwire/client'
import { type Clock, systemClock, type Timer } from '../clock.ts'
import { findProgram } from '../exec/find-program.ts'
import { PipeProcess } from '../exec/pipe-process.ts'
import type { PtyExit } from '../exec/pty.ts'
import { SessionProcesses } from '../exec/session-processes.ts'
import { SessionStop } from '../exec/session-stop.ts'
import { asTerminalLines } from '../exec/shell-program.ts'
import { AcpError } from './acp-error.ts'
import { KeptOutput } from './kept-output.ts'

export interface TerminalRequest {
  sessionId: string
  command: string
  args?: readonly string[] | null | undefined
  /** An existing folder. */
  cwd: string
  env?: readonly { name: string; value: string }[] | null | undefined
  outputByteLimit?: number | null | undefined
}

export interface ExitStatus {
  exitCode: number | null
  signal: string | null
}

export interface TerminalsOptions {
  /** The base environment of commands. */
  env: Record<string, string>
  newId: () => string
  /** Opens a terminal in which viewers can watch a command: `client.openTerminal`. */
  openTerminal(options: AgentTerminalOptions): Pick<AgentTerminal, 'write' | 'exit'>
  /** A command that runs for longer is ended. */
  timeoutMs: number
  clock?: Clock
}

interface Running {
  sessionId: string
  kept: KeptOutput
  stop: SessionStop
  exit: ExitStatus | undefined
  /** Resolves when all processes of the command are gone. */
  ended: Promise<ExitStatus>
  timeout: Timer
}

const MAX_TERMINALS = 32
const MAX_OUTPUT_BYTES = 1024 * 1024
const DELAYS = { termAfterMs: 500, killAfterMs: 2000, hangupMs: 500 }
const [COLS, ROWS] = [120, 30]
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** Some programs send a shell line instead of a command with arguments. */
const NEEDS_SHELL = /[\s;&|<>()$`"'\\*?[\]#~{}]/

/**
 * Commands that the program runs through us. Each has its own process session, a buffer with the end of its output, and
 * a terminal that viewers can watch. Commands end with their ACP session and with the program.
 */
export class Terminals {
  readonly #options: TerminalsOptions
  readonly #clock: Clock
  readonly #running = new Map<string, Running>()
  #starting = 0

  constructor(options: TerminalsOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /** Starts a command and returns the id of its terminal. Throws AcpError. */
  async create(request: TerminalRequest): Promise<string> {
    if (this.#running.size + this.#starting >= MAX_TERMINALS)
      throw new AcpError('invalidParams', `There are already ${MAX_TERMINALS} terminals: release one first.`)
    this.#starting++
    try {
      return await this.#start(request)
    } finally {
      this.#starting--
    }
  }

  output(sessionId: string, terminalId: string): { output: string; truncated: boolean; exitStatus?: ExitStatus } {
    const { kept, exit } = this.#get(sessionId, terminalId)
    return { ...kept.read(), ...(exit !== undefined && { exitStatus: exit }) }
  }

  /** Rejects when `signal` aborts. */
  waitForExit(sessionId: string, terminalId: string, signal: AbortSignal): Promise<ExitStatus> {
    const { ended } = this.#get(sessionId, terminalId)
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason)
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort, { once: true })
      void ended.then(exit => {
        signal.removeEventListener('abort', abort)
        resolve(exit)
      })
    })
  }

  /** Ends the command. Its output can still be read. */
  async kill(sessionId: string, terminalId: string): Promise<void> {
    const { stop, ended, exit } = this.#get(sessionId, terminalId)
    if (exit === undefined) stop.interrupt()
    await ended
  }

  /** Ends the command and forgets it. */
  async release(sessionId: string, terminalId: string): Promise<void> {
    await this.kill(sessionId, terminalId)
    this.#running.delete(terminalId)
  }

  /** Ends the commands of one session, or all. */
  async end(sessionId?: string): Promise<void> {
    const all = [...this.#running].filter(([, running]) => sessionId === undefined || running.sessionId === sessionId)
    await Promise.all(all.map(([terminalId, running]) => this.release(running.sessionId, terminalId)))
  }

  async #start(request: TerminalRequest): Promise<string> {
    const { sessionId, cwd, outputByteLimit } = request
    const env = { ...this.#options.env, ...checkedEnv(request.env) }
    const { file, args } = await whatToRun(request, cwd, env)
    const terminalId = `term_${this.#options.newId()}`
    const viewers = this.#options.openTerminal({ terminalId, cols: COLS, rows: ROWS })
    const kept = new KeptOutput(Math.min(outputByteLimit ?? MAX_OUTPUT_BYTES, MAX_OUTPUT_BYTES))
    let child: PipeProcess
    try {
      const onData = (bytes: Uint8Array) => {
        kept.append(bytes)
        return viewers.write(asTerminalLines(bytes))
      }
      child = await PipeProcess.start({ file, args, env, cwd, clock: this.#clock, onData, onTaken() {} })
    } catch (error) {
      viewers.exit({})
      throw new AcpError('internal', `The command could not be started: ${(error as Error).message}`)
    }
    // The command gets no input.
    child.feed(new Uint8Array(), true)
    const stop = new SessionStop(new SessionProcesses(child.pid), this.#clock, DELAYS)
    const timeout = this.#clock.setTimeout(() => stop.interrupt(), this.#options.timeoutMs)
    const ended = child.exited.then(async exit => {
      await stop.finish()
      timeout.cancel()
      child.close()
      viewers.exit(exit)
      running.exit = statusOf(exit)
      return running.exit
    })
    const running: Running = { sessionId, kept, stop, exit: undefined, ended, timeout }
    this.#running.set(terminalId, running)
    return terminalId
  }

  /** Terminals of other sessions count as not found. */
  #get(sessionId: string, terminalId: string): Running {
    const running = this.#running.get(terminalId)
    if (running === undefined || running.sessionId !== sessionId)
      throw new AcpError('notFound', `There is no terminal ${JSON.stringify(terminalId)} in this session.`)
    return running
  }
}

const statusOf = ({ exitCode, signal }: PtyExit): ExitStatus => ({
  exitCode: exitCode ?? null,
  signal: signal ?? null,
})

async function whatToRun({ command, args }: TerminalRequest, cwd: string, env: Record<string, string>) {
  if ([command, ...(args ?? [])].some(part => part.includes('\0')))
    throw new AcpError('invalidParams', 'A command cannot contain NUL.')
  const name = command.includes('/') && !command.startsWith('/') ? `${cwd}/${command}` : command
  const file = await findProgram(name, env.PATH)
  if (file !== undefined) return { file, args: [...(args ?? [])] }
  if ((args ?? []).length === 0 && NEEDS_SHELL.test(command)) return { file: '/bin/sh', args: ['-c', command] }
  throw new AcpError('invalidParams', `There is no program ${JSON.stringify(command)}.`)
}

function checkedEnv(env: TerminalRequest['env']): Record<string, string> {
  const wrong = env?.find(({ name, value }) => !NAME.test(name) || value.includes('\0'))
  if (wrong !== undefined)
    throw new AcpError('invalidParams', `${JSON.stringify(wrong.name)} is not a valid environment variable.`)
  return Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]))
}
