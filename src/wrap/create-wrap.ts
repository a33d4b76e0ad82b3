import type { ReadStream, WriteStream } from 'node:tty'
import type { AgentClient, CommandHandler, CommandRun } from '@fleetwire/client'
import type { Clock } from '../clock.ts'
import type { PtyExit } from '../exec/pty.ts'
import { openReports, type Reports } from '../report/open-reports.ts'
import type { CurrentRun } from '../report/report-desk.ts'
import { builtInRules } from './judge/built-in-rules.ts'
import { mannersOf } from './judge/program-manners.ts'
import { programOf } from './judge/program-of.ts'
import type { ProgramRules } from './judge/program-rules.ts'
import { LocalTerminal } from './local-terminal.ts'
import { programEnv } from './program-env.ts'
import { promptText } from './prompt-keys.ts'
import { createPromptRunner, exitCodeOf, howItEnded } from './prompt-runner.ts'
import { type WrapClient, WrapSession } from './wrap-session.ts'

export interface CreateWrapOptions {
  /** The program's name, for people. */
  name: string
  /** An executable file. */
  file: string
  args: readonly string[]
  env: Record<string, string | undefined>
  cwd: string
  clock: Clock
  /** The size of the program's terminal if there is no local one. */
  size?: { cols: number; rows: number } | undefined
  /** The local terminal to show the program on. */
  terminal?: { stdin: ReadStream; stdout: WriteStream } | undefined
  /** Rules for known programs. Default: the built-in ones. */
  rules?: readonly ProgramRules[] | undefined
  /** Prints a message for the person who started the agent. */
  say?(text: string): void
}

export interface WrapEnd {
  exitCode: number
  /** What to report to the server. */
  exit: { reason: 'stopped' | 'crashed'; exitCode: number; signal?: string; message: string }
}

export interface Wrap {
  /** The options that this wrap adds to its agent. */
  readonly role: {
    kind: string
    capabilities: { kinds: string[] }
    maxConcurrency: 1
    handlers: { prompt: CommandHandler }
  }
  readonly isStarted: boolean
  readonly hasEnded: boolean
  /** Starts the program. Resolves when it has ended. */
  start(client: WrapClient & Pick<AgentClient, 'ask'>): Promise<WrapEnd>
  /** Ends the program, gracefully at first. Resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<WrapEnd>
}

/** Wraps a program as an agent. Puts all the parts together. */
export async function createWrap(options: CreateWrapOptions): Promise<Wrap> {
  const { name, file, args, env, cwd, clock, size, terminal, rules = builtInRules, say } = options
  const manners = mannersOf(programOf([name, ...args], rules) ?? { name: 'unknown' })
  let session: WrapSession | undefined
  let reports: Reports | undefined
  let running: CommandRun | undefined
  let ended: Promise<WrapEnd> | undefined
  let isAsked = false
  let hasEnded = false
  let begin: (session: WrapSession) => void = () => {}
  /** Resolves when the program is started. Commands may arrive earlier. */
  const begun = new Promise<WrapSession>(resolve => {
    begin = resolve
  })
  const endOf = (exit: PtyExit): WrapEnd => {
    hasEnded = true
    const exitCode = exitCodeOf(exit)
    const reason = exitCode > 128 && !isAsked ? 'crashed' : 'stopped'
    return { exitCode, exit: { reason, exitCode, message: howItEnded(name, exit), ...signalOf(exit) } }
  }
  return {
    role: {
      kind: 'wrap',
      capabilities: { kinds: ['prompt'] },
      maxConcurrency: 1,
      handlers: {
        prompt: async run => {
          const session = await begun
          const onTyped = () => {
            running = run
          }
          try {
            return await createPromptRunner(session, clock, {
              onTyped,
              reportedAnswer: () => reports?.answerTo(run.commandId),
            })(run)
          } finally {
            running = undefined
            reports?.runEnded(run.commandId)
            session.runEnded(run.commandId)
          }
        },
      },
    },
    get isStarted() {
      return session !== undefined
    },
    get hasEnded() {
      return hasEnded
    },
    async start(client) {
      const listening = {
        agent: client,
        clock,
        source: name,
        run: () => running && promptOf(running),
        listener: () => session?.judge,
      }
      // Without reports, the program is judged by its screen, like most programs.
      reports = await openReports(listening).catch(error => void say?.(`the program cannot report: ${error.message}`))
      session = new WrapSession({
        ...{ client, clock, name, file, args, cwd, manners, ...size },
        env: programEnv(env, { isLocal: terminal !== undefined, report: reports?.address }),
        local: terminal && new LocalTerminal(terminal.stdin, terminal.stdout),
      })
      begin(session)
      ended = session.ended.then(async exit => {
        await reports?.close()
        return endOf(exit)
      })
      return ended
    },
    async end(signal) {
      isAsked = true
      const running = await begun
      running.program.end(signal)
      return ended ?? running.ended.then(endOf)
    },
  }
}

/** The command as reports need it. */
function promptOf(run: CommandRun): CurrentRun {
  const { commandId, sessionId, taskId } = run
  return {
    commandId,
    sessionId,
    taskId,
    attempt: run.attempt,
    prompt: promptText(run.input),
    progress: progress => run.progress(progress),
  }
}

const signalOf = ({ signal }: PtyExit) => (signal === undefined ? {} : { signal })
