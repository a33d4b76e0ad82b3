import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { Command } from 'commander'
import type { ProgramLife as Life } from '../acp/program-life.ts'
import { systemClock } from '../clock.ts'
import { readVersion } from '../version.ts'
import { type AgentOptions, createAgentProcess, sayOnStderr, withAgentOptions } from './agent-process.ts'
import { CliError } from './cli-error.ts'
import { durationMs, durationOption, wholeNumber } from './options.ts'
import { safeLine } from './safe-text.ts'

interface AcpOptions extends AgentOptions {
  root?: string
  concurrency: number
  mode?: string
  auth?: string
  write: boolean
  terminals: boolean
  askTimeout?: number
  runTimeout?: number
  terminalTimeout: number
  restart?: boolean
}

/** How long cancelled turns have to end. */
const CANCEL_MS = 3000
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 60_000
/** A longer run was not a failure to start, so it resets the backoff. */
const STABLE_MS = 60_000

export const acpCommand = withAgentOptions(new Command('acp'))
  .description('Run an agent that speaks the Agent Client Protocol: each command is a prompt to it')
  .argument('<program...>', 'the agent and its arguments, after --')
  .option(
    '--root <folder>',
    'where its sessions work, and the only folder that it may use through the bridge (default: here)',
  )
  .option('--concurrency <n>', 'sessions that it works on at the same time', wholeNumber(1), 1)
  .option('--mode <modeId>', 'the mode in which new sessions start')
  .option('--auth <methodId>', 'how to log in, if it requires that')
  .option('--no-write', 'do not let it write files through the bridge')
  .option('--no-terminals', 'do not let it run commands through the bridge')
  .option('--ask-timeout <duration>', 'denies requests that nobody answers in time (default: it waits)', durationMs)
  .option(
    '--run-timeout <duration>',
    'interrupts commands that have no timeout of their own (default: none)',
    durationMs,
  )
  .addOption(durationOption('--terminal-timeout', 'ends commands that it runs through the bridge', '1h'))
  .option('--restart', 'restart it when it fails (default: end with its exit code)')
  .action(run)

async function run([name = '', ...args]: string[], options: AcpOptions): Promise<void> {
  const [{ Root }, { ProgramLife }, { SessionStore }, { describeExit, exitCodeOf }, { cancel }] = await Promise.all([
    import('../acp/root.ts'),
    import('../acp/program-life.ts'),
    import('../acp/session-store.ts'),
    import('../acp/program.ts'),
    import('../acp/plan-tasks.ts'),
  ])
  const [{ commandEnv }, { findProgram }] = await Promise.all([
    import('../exec/command-env.ts'),
    import('../exec/find-program.ts'),
  ])
  const folder = options.root ?? process.cwd()
  const root = await Root.open(folder).catch(error => {
    throw new CliError('failed', `The root ${folder} cannot be used: ${error.code ?? error.message}.`)
  })
  const file = await findProgram(name, process.env.PATH)
  if (file === undefined) throw new CliError('failed', `There is no program ${name}, or it cannot be run.`)

  let life: Life | undefined
  let isLeaving = false
  const { runTimeout } = options
  const agent = await createAgentProcess(options, {
    kind: 'acp',
    capabilities: { ...(runTimeout !== undefined && { runTimeoutMs: runTimeout }) },
    maxConcurrency: options.concurrency,
    // No command is dispatched before the program has started.
    handlers: {
      prompt: run => life!.prompt(run),
      mode: run => life!.setMode(run),
      config: run => life!.setConfig(run),
    },
    onLeave: async () => {
      isLeaving = true
      await life?.cancelAndStop(CANCEL_MS)
    },
  })
  const store = new SessionStore(agent.journalFolder, options.id, sayOnStderr)
  const label = basename(name)
  const start = () =>
    ProgramLife.start({
      program: {
        ...{ file, args, cwd: process.cwd(), env: commandEnv(process.env) },
        onStderr: line => void process.stderr.write(`${label}: ${safeLine(line)}\n`),
      },
      ...{
        root,
        store,
        client: () => agent.client,
        version: readVersion(),
        newId: () => randomBytes(12).toString('base64url'),
      },
      ...{ say: sayOnStderr, mode: options.mode, auth: options.auth },
      ...{ allowWrite: options.write, allowTerminals: options.terminals },
      ...{ askTimeoutMs: options.askTimeout, terminalTimeoutMs: options.terminalTimeout },
    })
  life = await start().catch(error => {
    throw new CliError('failed', `${name} cannot be used as the agent: ${safeLine(error.message)}`)
  })

  let waitMs = FIRST_WAIT_MS
  while (!isLeaving) {
    if (life !== undefined) {
      const startedAt = systemClock.monotonic()
      sayOnStderr(`${safeLine(life.name)} was started in ${root.path}`)
      await agent.start()
      for (const taskId of store.takeOpenTasks()) {
        const { type, payload } = cancel(taskId, 'The agent was restarted.')
        agent.client.report(type, payload)
      }
      const exit = await life.exited
      if (isLeaving) return
      const how = describeExit(exit)
      const { exitCode, signal } = exit
      const ended = {
        ...(exitCode !== undefined && { exitCode }),
        ...(signal !== undefined && { signal }),
        message: how,
      }
      const reason = life.wasKilled ? 'restarting' : exitCode === 0 ? 'stopped' : 'crashed'
      sayOnStderr(`${label} ended: ${safeLine(how)}`)
      if (reason === 'stopped' || (reason === 'crashed' && !options.restart))
        return agent.leave({ exitCode: exitCodeOf(exit), exit: { reason, ...ended } })
      await agent.endLife({ reason, ...ended })
      if (systemClock.monotonic() - startedAt > STABLE_MS || reason === 'restarting') waitMs = FIRST_WAIT_MS
    }
    sayOnStderr(`${label} is restarted in ${waitMs / 1000} s`)
    await new Promise<void>(resolve => systemClock.setTimeout(resolve, waitMs))
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)
    life = await start().catch(error => {
      sayOnStderr(`${name} cannot be started: ${safeLine(error.message)}`)
      return undefined
    })
  }
}
