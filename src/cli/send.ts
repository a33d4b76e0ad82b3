import { randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import type { DashboardClient } from '@fleetwire/client/node'
import { type Agent, type Command as FleetCommand, isFinal, topics } from '@fleetwire/protocol'
import { Command } from 'commander'
import { CallError, call } from './api.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { CommandOutput } from './command-output.ts'
import { onInterrupt, whenAborted, withDashboard } from './live.ts'
import { anId, durationMs, wholeNumber } from './options.ts'
import { PipedInput } from './piped-input.ts'
import { PipedOutput } from './piped-output.ts'
import { printJson } from './print.ts'
import { whenReaderLeaves } from './reader-leaves.ts'
import { safeColoured, safeLines } from './safe-text.ts'
import { stdoutFile } from './stdout-file.ts'
import { resolveTarget, type Target } from './target.ts'

interface SendOptions {
  kind?: string
  wait?: boolean
  session?: string
  timeout?: number
  priority?: number
  json?: boolean
}

export const sendCommand = new Command('send')
  .argument('<agentId>', 'see fleetwire ps')
  .argument('<input...>', 'a shell line or a prompt; joined with spaces')
  .option(
    '--kind <kind>',
    'shell, prompt or another kind that the agent offers (default: shell; prompt if it takes no shell lines)',
  )
  .option('--session <sessionId>', 'the conversation that a prompt continues or starts', anId)
  .option('--wait', 'stream its output and exit with its result; Ctrl-C interrupts it')
  .option('--timeout <duration>', 'interrupt it after this run time', durationMs)
  .option('--priority <number>', 'from -100 to 100, higher goes first (default: 0)', wholeNumber())
  .option('--json', 'print the command as JSON')
  .action(async (agentId: string, words: string[], options: SendOptions) => {
    const target = await resolveTarget()
    // From here on, Ctrl-C must also interrupt the command that this process waits for.
    const interrupted = options.wait ? onInterrupt() : undefined
    // Behave like a shell pipeline if used in one. With a person on both ends, the command gets a terminal.
    const isPiped = options.wait === true && !(process.stdin.isTTY && process.stdout.isTTY)
    const kind = options.kind ?? (await usualKind(target, agentId))
    const command = await submit(target, agentId, words.join(' '), { ...options, kind, isPiped })
    if (interrupted === undefined) {
      if (options.json) printJson(command)
      else process.stdout.write(`${command.commandId}\n`)
      return
    }
    const stop = () => call(target, 'POST', `/commands/${command.commandId}/interrupt`, { body: {} })
    whenAborted(interrupted, () => void stop().catch(complain))
    whenReaderLeaves(async () => {
      await stop().catch(complain)
      return exitCodes.readerLeft
    })
    await warnWhereOffline(target, agentId)
    // No `until`: the wait ends with the command, even after Ctrl-C, so that its last output is still shown.
    const { ended, missing } = await withDashboard(target, {
      use: dashboard => (isPiped ? pipe(dashboard, command, options) : show(target, dashboard, command, options)),
    })
    if (options.json) printJson(ended)
    process.exitCode = exitCodeOf(ended)
    if (ended.status !== 'succeeded') complain(new Error(`${ended.commandId} ${ended.status}${whyOf(ended)}`))
    if (missing === undefined) return
    complain(new Error(`the output is incomplete: ${missing}`))
    process.exitCode ||= exitCodes.incomplete
  })

interface Shown {
  ended: FleetCommand
  /** A description of the missing output. */
  missing?: string | undefined
}

async function warnWhereOffline(target: Target, agentId: string): Promise<void> {
  const { link } = await call<Agent>(target, 'GET', `/agents/${encodeURIComponent(agentId)}`)
  if (link === 'offline')
    complain(new Error(`agent "${agentId}" is offline; the command waits for it (Ctrl-C drops it)`))
}

/** `prompt` for an agent that takes prompts and no shell lines, otherwise `shell`. */
async function usualKind(target: Target, agentId: string): Promise<string> {
  try {
    const { capabilities } = await call<Agent>(target, 'GET', `/agents/${encodeURIComponent(agentId)}`)
    const { kinds = [] } = capabilities
    return kinds.includes('prompt') && !kinds.includes('shell') ? 'prompt' : 'shell'
  } catch (error) {
    // A token that may send commands to an agent may not be allowed to read it.
    if (error instanceof CallError) return 'shell'
    throw error
  }
}

async function submit(
  target: Target,
  agentId: string,
  input: string,
  { kind, session, timeout, priority, isPiped }: SendOptions & { isPiped: boolean },
): Promise<FleetCommand> {
  const submitted = call<FleetCommand>(target, 'POST', `/agents/${encodeURIComponent(agentId)}/commands`, {
    body: {
      kind,
      input,
      ...(session !== undefined && { sessionId: session }),
      ...(timeout !== undefined && { runTimeoutMs: timeout }),
      ...(priority !== undefined && { priority }),
      ...(isPiped && kind === 'shell' && { stdio: 'pipe' }),
    },
    headers: { 'idempotency-key': randomUUID() },
  })
  try {
    return await submitted
  } catch (error) {
    if (!(error instanceof CallError) || error.status !== 404) throw error
    throw new CliError('failed', `${error.message} It never connected, or was removed; fleetwire ps shows the agents.`)
  }
}

/** Shows the command on a person's terminal. Resolves when the command has ended and all of its output is shown. */
async function show(
  target: Target,
  dashboard: DashboardClient,
  command: FleetCommand,
  { json }: SendOptions,
): Promise<Shown> {
  if (json) return { ended: await untilEnd(dashboard, command) }
  const output = new CommandOutput({
    target,
    dashboard,
    command,
    from: 'start',
    write: bytes => process.stdout.write(bytes),
    gap: screen => {
      complain(new Error('some output was not kept; the screen as it is now:'))
      process.stdout.write(screen)
    },
  })
  const ended = await untilEnd(dashboard, command)
  await output.end(ended)
  if (output.isEmpty) for (const line of answerOf(ended)) process.stdout.write(`${safeColoured(line)}\n`)
  return { ended }
}

/** In a pipeline: forwards stdin to the command and its bytes to stdout. */
async function pipe(dashboard: DashboardClient, command: FleetCommand, { json }: SendOptions): Promise<Shown> {
  const to = json ? new Writable({ write: (_chunk, _encoding, done) => done() }) : stdoutFile()
  // If stdin is a terminal, the input is empty: keystrokes are not a file.
  const stdin = process.stdin.isTTY ? undefined : process.stdin
  const input = new PipedInput(() => output.terminal, stdin)
  const ended = untilEnd(dashboard, command)
  const output: PipedOutput = new PipedOutput({ dashboard, command, to, onTaken: offset => input.taken(offset) })
  if (command.kind === 'shell') input.start()
  try {
    const missing = await output.end(await Promise.race([ended, output.refused]))
    if (output.isEmpty && !json) for (const line of answerOf(await ended)) process.stdout.write(`${line}\n`)
    return { ended: await ended, missing }
  } finally {
    input.stop()
    stdin?.destroy()
  }
}

/** The output of a command without a terminal, such as a prompt, as lines. */
function answerOf({ output, outputBytes }: FleetCommand): string[] {
  if (typeof output !== 'string' || output === '' || outputBytes !== undefined) return []
  return output.replace(/\n$/, '').split('\n')
}

function untilEnd(dashboard: DashboardClient, { agentId, commandId }: FleetCommand): Promise<FleetCommand> {
  return new Promise((resolve, reject) => {
    const look = (command: FleetCommand) => {
      if (isFinal(command.status)) resolve(command)
    }
    dashboard.subscribe(topics.command(agentId, commandId), {
      event: ({ payload }) => look(payload as FleetCommand),
      snapshot: ({ records }) => {
        for (const { payload } of records) look(payload as FleetCommand)
      },
      error: error => reject(new CliError('denied', error.message)),
    })
  })
}

function exitCodeOf({ status, exitCode }: FleetCommand): number {
  switch (status) {
    case 'succeeded':
      return 0
    case 'cancelled':
      return exitCodes.interrupted
    case 'timed_out':
      return exitCodes.timedOut
    default:
      return exitCode === undefined || exitCode === 0 ? exitCodes.failed : exitCode
  }
}

/** The agent's own error message, if any. The reason `reported` only says that there is one. */
function whyOf({ reason, error }: FleetCommand): string {
  const told = typeof error === 'string' ? error : (error as { message?: string } | undefined)?.message
  const why = told ?? (reason === 'reported' ? undefined : reason)
  return why === undefined ? '' : `: ${why}`
}

const complain = (error: Error): void => void process.stderr.write(`fleetwire: ${safeLines(error.message)}\n`)
