import { type Clock, systemClock } from '../clock.ts'
import { commandEnv } from './command-env.ts'
import { findProgram } from './find-program.ts'
import { Pty } from './pty.ts'
import { asCommandOfSession } from './session-leader.ts'
import { SessionProcesses } from './session-processes.ts'

export interface ChooseShellOptions {
  /** Named by whoever started the agent: it is taken as it is, or not at all. */
  wanted?: string | undefined
  /** The agent's own environment; its SHELL is the user's for working by hand, which need not be one for commands. */
  env: Record<string, string | undefined>
  clock?: Clock
  /** How long a shell may take to run nothing: one that reads a broken start-up file may hang. */
  timeoutMs?: number
}

export type ChosenShell =
  /** `instead`: why it is not the one of the environment. */
  { status: 'ok'; shell: string; instead?: string } | { status: 'none'; message: string }

const LAST = '/bin/sh'
const TRIES_MS = 10_000
const WORKS = 42

/** What only a shell understands that speaks as the standard says (fish, csh and nu do not); and what each of them does. */
const STANDARD = `x=$((40 + 2)); if [ "$x" = ${WORKS} ]; then exit "$x"; fi`
const ANY = `exit ${WORKS}`

/** The shell for commands, tried on a terminal: SHELL may be `nologin`, gone, or hang at its start. */
export async function chooseShell(options: ChooseShellOptions): Promise<ChosenShell> {
  const { wanted, env } = options
  if (wanted !== undefined) {
    const flaw = await flawOf(wanted, ANY, options)
    return flaw === undefined ? { status: 'ok', shell: wanted } : { status: 'none', message: `${wanted} ${flaw}` }
  }
  const usual = env.SHELL || LAST
  const flaw = await flawOf(usual, STANDARD, options)
  if (flaw === undefined) return { status: 'ok', shell: usual }
  const instead = `${usual} ${flaw}`
  if (usual === LAST) return { status: 'none', message: instead }
  const lastFlaw = await flawOf(LAST, STANDARD, options)
  return lastFlaw === undefined
    ? { status: 'ok', shell: LAST, instead }
    : { status: 'none', message: `${instead}, and ${LAST} ${lastFlaw}` }
}

/** Why it cannot run commands; undefined where it can. */
async function flawOf(
  shell: string,
  line: string,
  { env, clock = systemClock, timeoutMs = TRIES_MS }: ChooseShellOptions,
): Promise<string | undefined> {
  const file = await findProgram(shell, env.PATH)
  if (file === undefined) return 'does not exist or cannot be run'
  let pty: Pty
  try {
    const program = asCommandOfSession(file, ['-c', line])
    pty = new Pty({ ...program, env: commandEnv(env), cwd: '/', cols: 80, rows: 24, onData: () => undefined })
  } catch (error) {
    return `could not be tried: ${(error as Error).message}`
  }
  let late = false
  const timer = clock.setTimeout(() => {
    late = true
    new SessionProcesses(pty.pid).signal('SIGKILL')
  }, timeoutMs)
  const { exitCode } = await pty.exited
  timer.cancel()
  new SessionProcesses(pty.pid).signal('SIGKILL')
  pty.close()
  if (late) return `did not come to run a command within ${timeoutMs / 1000} s`
  return exitCode === WORKS ? undefined : 'does not run commands as /bin/sh does'
}
