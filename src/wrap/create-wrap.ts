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
  /** What people call the program. */
  name: string
  /** A file that can be run. */
  file: string
  args: readonly string[]
  env: Record<string, string | undefined>
  cwd: string
  clock: Clock
  /** Where there is no terminal. */
  size?: { cols: number; rows: number } | undefined
  /** The terminal that the program is to be shown on. */
  terminal?: { stdin: ReadStream; stdout: WriteStream } | undefined
  /** What is known of programs. Default: what is built in. */
  rules?: readonly ProgramRules[] | undefined
  /** Tells whoever has started this. */
  say?(text: string): void
}

export interface WrapEnd {
  exitCode: number
  /** What the server is told. */
  exit: { reason: 'stopped' | 'crashed'; exitCode: number; signal?: string; message: string }
}

export interface Wrap {
  /** What this agent adds to others. */
  readonly role: {
    kind: string
    capabilities: { kinds: string[] }
    maxConcurrency: 1
    handlers: { prompt: CommandHandler }
  }
  readonly isStarted: boolean
  readonly hasEnded: boolean
  /** Starts the program; resolves when it has ended. */
  start(client: WrapClient & Pick<AgentClient, 'ask'>): Promise<WrapEnd>
  /** Asks the program to end, then makes it; resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<WrapEnd>
}

/** A program as an agent: what is put together for it, in one place. */
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
  /** A command may come before the program is started. */
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
      // A program that cannot report is one of many: it is judged by its screen.
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

/** The command, as those see it who report on it. */
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
