import { Command } from 'commander'
import { chooseShell } from '../exec/choose-shell.ts'
import { createShellRunner } from '../exec/shell-runner.ts'
import { acpCommand } from './acp.ts'
import { agUiCommand } from './ag-ui.ts'
import { type AgentOptions, createAgentProcess, sayOnStderr, withAgentOptions } from './agent-process.ts'
import { CliError } from './cli-error.ts'
import { durationMs, wholeNumber } from './options.ts'
import { wrapCommand } from './wrap.ts'

interface ExecOptions extends AgentOptions {
  concurrency: number
  shell?: string
  cwd?: string
  runTimeout?: number
}

const exec = withAgentOptions(new Command('exec'))
  .description('Run an agent: each command is a shell line, run in a terminal of its own')
  .option('--concurrency <n>', 'commands that run at the same time', wholeNumber(1), 1)
  .option('--shell <path>', 'the shell (default: $SHELL if it works, else /bin/sh)')
  .option('--cwd <folder>', 'where commands run (default: here)')
  .option(
    '--run-timeout <duration>',
    'interrupts commands that have no timeout of their own (FLEETWIRE_RUN_TIMEOUT, default: none)',
    durationMs,
  )
  .action(run)

export const agentCommand = new Command('agent')
  .addCommand(exec.exitOverride())
  .addCommand(wrapCommand.exitOverride())
  .addCommand(agUiCommand.exitOverride())
  .addCommand(acpCommand.exitOverride())

async function run(options: ExecOptions): Promise<void> {
  const runTimeoutMs = options.runTimeout ?? readDuration('FLEETWIRE_RUN_TIMEOUT')
  const cwd = options.cwd ?? process.cwd()
  const chosen = await chooseShell({ wanted: options.shell, env: process.env })
  if (chosen.status === 'none') throw new CliError('failed', `There is no shell for commands: ${chosen.message}.`)
  if (chosen.instead !== undefined) sayOnStderr(`commands run in ${chosen.shell}: ${chosen.instead}`)
  const runner = createShellRunner({
    openTerminal: terminal => agent.client.openTerminal(terminal),
    env: process.env,
    shell: chosen.shell,
    cwd,
  })
  const agent = await createAgentProcess(options, {
    kind: 'exec',
    capabilities: { kinds: ['shell'], ...(runTimeoutMs !== undefined && { runTimeoutMs }) },
    maxConcurrency: options.concurrency,
    handlers: { shell: runner },
  })
  await agent.start()
}

function readDuration(name: string): number | undefined {
  const text = process.env[name]?.trim()
  if (!text) return undefined
  try {
    return durationMs(text)
  } catch (error) {
    throw new CliError('usage', `${name}: ${(error as Error).message}`)
  }
}
