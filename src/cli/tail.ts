import type { DashboardClient, DashboardEvent } from '@fleetwire/client/node'
import { type Command as FleetCommand, isFinal, isPattern } from '@fleetwire/protocol'
import { Command, InvalidArgumentError } from 'commander'
import { CliError } from './cli-error.ts'
import { CommandOutput } from './command-output.ts'
import { describeEvent } from './describe-event.ts'
import { onInterrupt, withDashboard } from './live.ts'
import { printJson } from './print.ts'
import { safeColoured, safeLine } from './safe-text.ts'
import { resolveTarget, type Target } from './target.ts'

interface TailOptions {
  json?: boolean
  output: boolean
}

export const tailCommand = new Command('tail')
  .argument('[pattern]', 'topics to follow: * matches one token, a final > the rest', aPattern, '>')
  .option('--json', 'one JSON object per line')
  .option('--no-output', 'without the output of commands')
  .addHelpText(
    'after',
    "\nExamples:\n  fleetwire tail\n  fleetwire tail 'agents.build-1.>'\n  fleetwire tail --json 'agents.*.commands.*' | jq .type",
  )
  .action(async (pattern: string, options: TailOptions) => {
    const target = await resolveTarget()
    await withDashboard(target, {
      until: onInterrupt(),
      use: dashboard => follow(target, dashboard, pattern, options),
    })
  })

function aPattern(text: string): string {
  if (!isPattern(text))
    throw new InvalidArgumentError('Tokens are separated by dots; * matches one token, a final > the rest.')
  return text
}

/** Never resolves; the caller stops it. */
function follow(
  target: Target,
  dashboard: DashboardClient,
  pattern: string,
  { json = false, output }: TailOptions,
): Promise<never> {
  const outputs = output ? new Outputs(target, dashboard, json) : undefined
  let following = false
  return new Promise((_, reject) => {
    dashboard.subscribe(pattern, {
      event: event => {
        if (event.type === 'agent:summary' && !pattern.endsWith('.summary')) return
        const told = event.type.startsWith('command:')
          ? outputs?.follow(event.payload as FleetCommand, 'start')
          : undefined
        if (json) return printJson(event)
        const print = () => void process.stdout.write(`${describeEvent(event as DashboardEvent)}\n`)
        // People expect the end of a command after its last line of output. Readers of JSON get the order of the log.
        if (told === undefined) print()
        else void told.then(print)
      },
      snapshot: ({ records }) => {
        if (!following) process.stderr.write(`fleetwire: following ${pattern} at ${target.url}\n`)
        following = true
        for (const { type, payload } of records)
          if (type.startsWith('command:')) outputs?.follow(payload as FleetCommand, 'now')
      },
      resync: reason =>
        process.stderr.write(`fleetwire: events were missed (${safeLine(reason)}); the current state follows\n`),
      error: error => reject(new CliError('denied', error.message)),
    })
  })
}

/** The outputs of the running commands. */
class Outputs {
  readonly #target: Target
  readonly #dashboard: DashboardClient
  readonly #json: boolean
  readonly #open = new Map<string, CommandOutput>()

  constructor(target: Target, dashboard: DashboardClient, json: boolean) {
    this.#target = target
    this.#dashboard = dashboard
    this.#json = json
  }

  /** If the command has ended, resolves when all of its output was printed. */
  follow(command: FleetCommand, from: 'start' | 'now'): Promise<void> | undefined {
    const { commandId, status, kind } = command
    const open = this.#open.get(commandId)
    if (isFinal(status)) {
      this.#open.delete(commandId)
      return open?.end(command)
    }
    if (kind === 'shell' && open === undefined) {
      const { write, end } = this.#json ? jsonPrinter(command) : linePrinter(command)
      const output = new CommandOutput({ target: this.#target, dashboard: this.#dashboard, command, from, write, end })
      this.#open.set(commandId, output)
    }
    return undefined
  }
}

interface Printer {
  write(bytes: Uint8Array, offset: number): void
  end?(): void
}

function jsonPrinter({ agentId, commandId }: FleetCommand): Printer {
  const decoder = new TextDecoder()
  return {
    write: (bytes, offset) => {
      const data = decoder.decode(bytes, { stream: true })
      printJson({ type: 'terminal:output', payload: { agentId, terminalId: commandId, offset, data } })
    },
  }
}

/** Longer lines are printed in parts, since a program may never write a line break. */
const MAX_LINE_CHARS = 64 * 1024

/** Prints whole lines, each prefixed with the agent's id, since several commands may write at once. */
function linePrinter({ agentId }: FleetCommand): Printer {
  const decoder = new TextDecoder()
  let line = ''
  const print = (text: string) => process.stdout.write(`${safeLine(agentId)} | ${safeColoured(text).trimEnd()}\n`)
  return {
    write: bytes => {
      const lines = (line + decoder.decode(bytes, { stream: true })).split(/\r*\n/)
      line = lines.pop() ?? ''
      lines.forEach(print)
      for (; line.length > MAX_LINE_CHARS; line = line.slice(MAX_LINE_CHARS)) print(line.slice(0, MAX_LINE_CHARS))
    },
    end: () => {
      if (line !== '') print(line)
      line = ''
    },
  }
}
