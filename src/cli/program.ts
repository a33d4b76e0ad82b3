import { Command, Help } from 'commander'
import { readVersion } from '../version.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { safeLines } from './safe-text.ts'
import { type CommandName, isCommandName, summaries } from './summaries.ts'

/** Each command is a separate module, and only the requested one is loaded. */
const load: { [K in CommandName]: () => Promise<Command> } = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  demo: async () => (await import('./demo.ts')).demoCommand,
  cluster: async () => (await import('./cluster.ts')).clusterCommand,
  token: async () => (await import('./token.ts')).tokenCommand,
  'login-link': async () => (await import('./login-link.ts')).loginLinkCommand,
  agent: async () => (await import('./agent.ts')).agentCommand,
  ps: async () => (await import('./ps.ts')).psCommand,
  send: async () => (await import('./send.ts')).sendCommand,
  interrupt: async () => (await import('./interrupt.ts')).interruptCommand,
  tail: async () => (await import('./tail.ts')).tailCommand,
  attach: async () => (await import('./attach.ts')).attachCommand,
  mcp: async () => (await import('./mcp.ts')).mcpCommand,
  report: async () => (await import('./report.ts')).reportCommand,
  hooks: async () => (await import('./hooks.ts')).hooksCommand,
  backup: async () => (await import('./backup.ts')).backupCommand,
}

/** Lists unloaded commands as if they were loaded. */
class Overview extends Help {
  override subcommandTerm(command: Command): string {
    const name = command.name()
    return isCommandName(name) ? summaries[name].usage : super.subcommandTerm(command)
  }
}

/** The command that the arguments name: `ps`, or `help ps`. */
function nameIn(args: readonly string[]): CommandName | undefined {
  const [first = '', second = ''] = args.filter(arg => !arg.startsWith('-'))
  const name = first === 'help' ? second : first
  return isCommandName(name) ? name : undefined
}

async function programFor(named: CommandName | undefined): Promise<Command> {
  const program = new Command('fleetwire')
    .description('The realtime control plane between a fleet of AI agents and the people who run them')
    .version(readVersion())
    .showHelpAfterError('(see fleetwire --help)')
    .addHelpText(
      'after',
      `
Clients read FLEETWIRE_URL (default http://127.0.0.1:3000) and FLEETWIRE_TOKEN.
Without a token, whoever can read the server's secret (./data/secret) acts as an admin.

Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 no server, 4 not allowed,
  5 another agent took over the id, 6 some output is missing,
  124 timed out, 127 no such program, 130 interrupted,
  141 the reader of the output went away.
  send --wait otherwise ends with the exit code of the command.`,
    )
    .exitOverride()
  program.createHelp = () => Object.assign(new Overview(), program.configureHelp())
  for (const [name, { says }] of Object.entries(summaries)) {
    const command = name === named ? await load[named]() : new Command(name)
    program.addCommand(command.description(says).exitOverride())
  }
  return program
}

/** Runs the command line and returns the exit code; undefined if the command keeps running or has set one itself. */
export async function runProgram([node = '', main = '', ...args]: readonly string[]): Promise<number | undefined> {
  const named = nameIn(args)
  try {
    const program = await programFor(named)
    if (named === 'send' && args[0] === 'send') {
      const [{ sendArguments }, send] = [await import('./send-arguments.ts'), await load.send()]
      await program.parseAsync([node, main, 'send', ...sendArguments(args.slice(1), send.options)])
    } else await program.parseAsync([node, main, ...args])
    return undefined
  } catch (error) {
    return report(error)
  }
}

function report(error: unknown): number {
  if (error instanceof CliError) {
    process.stderr.write(`fleetwire: ${safeLines(error.message)}\n`)
    return error.exitCode
  }
  // Commander has already printed the message. Help and version are not errors.
  const { code = '', exitCode, message } = error as Error & { code?: string; exitCode?: number }
  if (code.startsWith('commander.')) return exitCode === 0 ? 0 : exitCodes.usage
  // Errors of the environment, such as a port in use, are reported in one line; our own faults with their stack.
  const told = code.startsWith('FLW_ERR_') || 'syscall' in (error as Error)
  process.stderr.write(`fleetwire: ${safeLines(told ? message : ((error as Error).stack ?? message))}\n`)
  return exitCodes.failed
}
