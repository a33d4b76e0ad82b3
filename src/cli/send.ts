import { randomUUID } from 'node:crypto'
import type { DashboardClient } from '@fleetwire/client/node'
import { type Command as FleetCommand, isFinal, topics } from '@fleetwire/protocol'
import { Command } from 'commander'
import { call } from './api.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { durationMs } from './duration.ts'
import { onInterrupt, withDashboard } from './live.ts'
import { printJson } from './print.ts'
import { resolveTarget, type Target } from './target.ts'

interface SendOptions {
  kind: string
  wait?: boolean
  timeout?: string
  priority?: number
  json?: boolean
}

export const sendCommand = new Command('send')
  .description('Submit a command to an agent')
  .argument('<agentId>')
  .argument('<input...>', 'a shell line or a prompt; joined with spaces')
  .option('--kind <kind>', 'shell, prompt or what the agent offers', 'shell')
  .option('--wait', 'stream its output and exit with its result; Ctrl-C interrupts it')
  .option('--timeout <duration>', 'interrupt it after this run time')
  .option('--priority <number>', 'higher goes first', Number)
  .option('--json', 'print the command as JSON')
  .action(async (agentId: string, words: string[], options: SendOptions) => {
    const target = await resolveTarget()
    const command = await submit(target, agentId, words.join(' '), options)
    if (!options.wait) {
      if (options.json) printJson(command)
      else process.stdout.write(`${command.commandId}\n`)
      return
    }
    const interrupted = onInterrupt()
    interrupted.addEventListener(
      'abort',
      () => void call(target, 'POST', `/commands/${command.commandId}/interrupt`, {}).catch(complain),
    )
    // The command's end ends the wait, also after Ctrl-C: what it says last is still shown.
    const never = new AbortController().signal
    const ended = await withDashboard(target, {
      until: never,
      use: dashboard => watch(dashboard, command, options.json !== true),
    })
    if (options.json) printJson(ended)
    process.exitCode = exitCodeOf(ended)
    if (ended.status !== 'succeeded')
      complain(new Error(`${ended.commandId} ${ended.status}${ended.reason ? ` (${ended.reason})` : ''}`))
  })

function submit(target: Target, agentId: string, input: string, options: SendOptions): Promise<FleetCommand> {
  const body = {
    kind: options.kind,
    input,
    ...(options.timeout !== undefined && { runTimeoutMs: durationMs(options.timeout) }),
    ...(options.priority !== undefined && { priority: options.priority }),
  }
  return call(target, 'POST', `/agents/${encodeURIComponent(agentId)}/commands`, body, {
    'idempotency-key': randomUUID(),
  })
}

/** Resolves with the command when it has ended; its output goes to stdout meanwhile. */
function watch(dashboard: DashboardClient, { agentId, commandId }: FleetCommand, show: boolean): Promise<FleetCommand> {
  return new Promise((resolve, reject) => {
    let shownTo = 0
    if (show) {
      dashboard.openTerminal({
        agentId,
        terminalId: commandId,
        onSnapshot: ({ offset, screen }) => {
          if (offset > shownTo) process.stdout.write(screen)
          shownTo = Math.max(shownTo, offset)
        },
        onOutput: (bytes, { offset }) => {
          process.stdout.write(bytes)
          shownTo = offset + bytes.length
        },
      })
    }
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

const complain = (error: Error): void => void process.stderr.write(`fleetwire: ${error.message}\n`)
