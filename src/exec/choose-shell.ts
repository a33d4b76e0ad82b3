import { type Clock, systemClock } from '../clock.ts'
import { commandEnv } from './command-env.ts'
import { findProgram } from './find-program.ts'
import { Pty } from './pty.ts'
import { asCommandOfSession } from './session-leader.ts'
import { SessionProcesses } from './session-processes.ts'

export interface ChooseShellOptions {
  /** The shell that the operator named when starting the agent. There is no fallback if it does not work. */
  wanted?: string | undefined
  /** The agent's own environment. Its SHELL is the user's interactive shell, which may be unable to run commands. */
  env: Record<string, string | undefined>
  clock?: Clock
  /** How long a shell may take to run a trivial command: a broken start-up file can make it hang. */
  timeoutMs?: number
}

export type ChosenShell =
  /** `instead`: why the environment's SHELL was not used. */
  { status: 'ok'; shell: string; instead?: string } | { status: 'none'; message: string }

const LAST = '/bin/sh'
const TRIES_MS = 10_000
const WORKS = 42

/** A test that only a POSIX shell passes (fish, csh and nu do not). */
const STANDARD = `x=$((40 + 2)); if [ "$x" = ${WORKS} ]; then exit "$x"; fi`
const ANY = `exit ${WORKS}`

/** Finds a shell for commands and tries it on a terminal: SHELL may be `nologin`, missing, or hang at start-up. */
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

/** Why the shell cannot run commands; undefined if it can. */
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
  if (late) return `did not run a command within ${timeoutMs / 1000} s`
  return exitCode === WORKS ? undefined : 'does not run commands as /bin/sh does'
}
