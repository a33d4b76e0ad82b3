import { randomUUID } from 'node:crypto'
import type { DashboardClient } from '@fleetwire/client/node'
import { type Command as FleetCommand, isFinal, topics } from '@fleetwire/protocol'
import { Command } from 'commander'
import { CallError, call } from './api.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { CommandOutput } from './command-output.ts'
import { onInterrupt, whenAborted, withDashboard } from './live.ts'
import { durationMs, wholeNumber } from './options.ts'
import { printJson } from './print.ts'
import { safeLines } from './safe-text.ts'
import { resolveTarget, type Target } from './target.ts'

interface SendOptions {
  kind: string
  wait?: boolean
  timeout?: number
  priority?: number
  json?: boolean
}

export const sendCommand = new Command('send')
  .description('Submit a command to an agent')
  .argument('<agentId>')
  .argument('<input...>', 'a shell line or a prompt; joined with spaces')
  .option('--kind <kind>', 'shell, prompt or what the agent offers', 'shell')
  .option('--wait', 'stream its output and exit with its result; Ctrl-C interrupts it')
  .option('--timeout <duration>', 'interrupt it after this run time', durationMs)
  .option('--priority <number>', 'higher goes first', wholeNumber())
  .option('--json', 'print the command as JSON')
  .action(async (agentId: string, words: string[], options: SendOptions) => {
    const target = await resolveTarget()
    // From here on Ctrl-C must not leave a command behind that somebody is waiting for.
    const interrupted = options.wait ? onInterrupt() : undefined
    const command = await submit(target, agentId, words.join(' '), options)
    if (interrupted === undefined) {
      if (options.json) printJson(command)
      else process.stdout.write(`${command.commandId}\n`)
      return
    }
    whenAborted(interrupted, () => {
      call(target, 'POST', `/commands/${command.commandId}/interrupt`, { body: {} }).catch(complain)
    })
    // No `until`: the command's end ends the wait, also after Ctrl-C, and what it says last is still shown.
    const ended = await withDashboard(target, {
      use: dashboard => (options.json ? untilEnd(dashboard, command) : show(target, dashboard, command)),
    })
    if (options.json) printJson(ended)
    process.exitCode = exitCodeOf(ended)
    if (ended.status !== 'succeeded') complain(new Error(`${ended.commandId} ${ended.status}${whyOf(ended)}`))
  })

async function submit(
  target: Target,
  agentId: string,
  input: string,
  { kind, timeout, priority }: SendOptions,
): Promise<FleetCommand> {
  const submitted = call<FleetCommand>(target, 'POST', `/agents/${encodeURIComponent(agentId)}/commands`, {
    body: {
      kind,
      input,
      ...(timeout !== undefined && { runTimeoutMs: timeout }),
      ...(priority !== undefined && { priority }),
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

/** Resolves with the command when it has ended and all of its output is on stdout. */
async function show(target: Target, dashboard: DashboardClient, command: FleetCommand): Promise<FleetCommand> {
  const output = new CommandOutput({
    target,
    dashboard,
    command,
    from: 'start',
    ...(process.stdout.isTTY ? { write: bytes => process.stdout.write(bytes) } : plainLines()),
    gap: screen => {
      complain(new Error('some output was not kept; the screen as it is now:'))
      process.stdout.write(screen)
    },
  })
  const ended = await untilEnd(dashboard, command)
  await output.end(ended)
  // Not every agent has terminals: a prompt is answered with an output alone.
  if (output.isEmpty && typeof ended.output === 'string' && ended.output !== '')
    process.stdout.write(ended.output.replace(/\n?$/, '\n'))
  return ended
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

/** A terminal ends its lines with CR LF; whoever reads a file or a pipe expects LF. */
function plainLines() {
  // One character per byte, so that no byte is changed.
  const print = (text: string) => process.stdout.write(Buffer.from(text, 'latin1'))
  let held = ''
  return {
    write: (bytes: Uint8Array) => {
      const text = held + Buffer.from(bytes).toString('latin1')
      held = text.endsWith('\r') ? '\r' : ''
      print(text.slice(0, text.length - held.length).replaceAll('\r\n', '\n'))
    },
    end: () => print(held),
  }
}

/** The agent's own words where it has some; `reported` says only that it has. */
function whyOf({ reason, error }: FleetCommand): string {
  const told = typeof error === 'string' ? error : (error as { message?: string } | undefined)?.message
  const why = told ?? (reason === 'reported' ? undefined : reason)
  return why === undefined ? '' : `: ${why}`
}

const complain = (error: Error): void => void process.stderr.write(`fleetwire: ${safeLines(error.message)}\n`)
