#!/usr/bin/env node
import { Command } from 'commander'
import { readVersion } from '../version.ts'
import { agentCommand } from './agent.ts'
import { attachCommand } from './attach.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { interruptCommand } from './interrupt.ts'
import { psCommand } from './ps.ts'
import { watchStdout } from './reader-leaves.ts'
import { safeLines } from './safe-text.ts'
import { sendCommand } from './send.ts'
import { sendArguments } from './send-arguments.ts'
import { serveCommand } from './serve.ts'
import { tailCommand } from './tail.ts'
import { tokenCommand } from './token.ts'

const program = new Command('fleetwire')
  .description('The realtime control plane between a fleet of AI agents and the people who run them')
  .version(readVersion())
  .showHelpAfterError('(fleetwire --help shows what there is)')
  .addHelpText(
    'after',
    `
Clients read FLEETWIRE_URL (default http://127.0.0.1:3000) and FLEETWIRE_TOKEN.
Without a token, whoever can read the server's secret (./data/secret) is its admin.

Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 no server, 4 not allowed,
  5 another agent took over the id, 6 some output is missing,
  124 timed out, 130 interrupted, 141 nobody reads the output any more.
  send --wait otherwise ends with the exit code of the command.`,
  )
  .exitOverride()

for (const command of [
  serveCommand,
  tokenCommand,
  agentCommand,
  psCommand,
  sendCommand,
  interruptCommand,
  tailCommand,
  attachCommand,
]) {
  program.addCommand(command.exitOverride())
}

watchStdout()

const [node = '', main = '', name = '', ...rest] = process.argv
const args = name === sendCommand.name() ? sendArguments(rest, sendCommand.options) : rest

try {
  await program.parseAsync(name === '' ? [node, main] : [node, main, name, ...args])
} catch (error) {
  process.exitCode = report(error)
}

function report(error: unknown): number {
  if (error instanceof CliError) {
    process.stderr.write(`fleetwire: ${safeLines(error.message)}\n`)
    return error.exitCode
  }
  // Commander has said what was wrong; help and version are no errors.
  const { code = '', exitCode, message } = error as Error & { code?: string; exitCode?: number }
  if (code.startsWith('commander.')) return exitCode === 0 ? 0 : exitCodes.usage
  // A fault of the surroundings, such as a port that is taken, is told in one line; one of ours with its place.
  const told = code.startsWith('FLW_ERR_') || 'syscall' in (error as Error)
  process.stderr.write(`fleetwire: ${safeLines(told ? message : ((error as Error).stack ?? message))}\n`)
  return exitCodes.failed
}
