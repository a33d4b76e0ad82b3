import type { DashboardClient, DashboardEvent, DashboardTerminal } from '@fleetwire/client/node'
import type { Command as FleetCommand } from '@fleetwire/protocol'
import { isFinal } from '@fleetwire/protocol'
import { Command } from 'commander'
import { CliError } from './cli-error.ts'
import { describeEvent } from './describe-event.ts'
import { onInterrupt, withDashboard } from './live.ts'
import { printJson } from './print.ts'
import { resolveTarget } from './target.ts'

interface TailOptions {
  json?: boolean
  output: boolean
}

export const tailCommand = new Command('tail')
  .description('Follow what happens, as it happens: events and the output of running commands')
  .argument('[pattern]', 'topics to follow: * is one token, a last > is the rest', '>')
  .option('--json', 'one JSON object per line')
  .option('--no-output', 'without the output of commands')
  .addHelpText(
    'after',
    "\nExamples:\n  fleetwire tail\n  fleetwire tail 'agents.build-1.>'\n  fleetwire tail --json 'agents.*.commands.*' | jq .type",
  )
  .action(async (pattern: string, options: TailOptions) => {
    await withDashboard(await resolveTarget(), {
      until: onInterrupt(),
      use: dashboard => follow(dashboard, pattern, options),
    })
  })

/** Never resolves: whoever asked for it ends it. */
function follow(dashboard: DashboardClient, pattern: string, { json, output }: TailOptions): Promise<never> {
  const outputs = output ? new Outputs(dashboard, json === true) : undefined
  return new Promise((_, reject) => {
    dashboard.subscribe(pattern, {
      event: event => {
        if (event.type.startsWith('command:')) outputs?.follow(event.payload as FleetCommand)
        if (json) printJson(event)
        else process.stdout.write(`${describeEvent(event as DashboardEvent)}\n`)
      },
      snapshot: ({ records }) => {
        for (const { type, payload } of records)
          if (type.startsWith('command:')) outputs?.follow(payload as FleetCommand)
      },
      resync: reason => process.stderr.write(`fleetwire: events were missed (${reason}); the present state follows\n`),
      error: error => reject(new CliError('denied', error.message)),
    })
  })
}

/** The terminals of the commands that run, each opened when its command starts and closed when it has ended. */
class Outputs {
  readonly #dashboard: DashboardClient
  readonly #json: boolean
  readonly #open = new Map<string, DashboardTerminal>()

  constructor(dashboard: DashboardClient, json: boolean) {
    this.#dashboard = dashboard
    this.#json = json
  }

  follow({ agentId, commandId, status, kind }: FleetCommand): void {
    if (isFinal(status)) {
      this.#open.get(commandId)?.close()
      this.#open.delete(commandId)
    } else if (kind === 'shell' && !this.#open.has(commandId)) {
      this.#open.set(
        commandId,
        this.#dashboard.openTerminal({ agentId, terminalId: commandId, ...this.#printer(agentId, commandId) }),
      )
    }
  }

  /** Whole lines, each with the name of its agent: several commands may speak at once. */
  #printer(agentId: string, commandId: string) {
    const decoder = new TextDecoder()
    let line = ''
    return {
      onOutput: (bytes: Uint8Array, { offset }: { offset: number }) => {
        const text = decoder.decode(bytes, { stream: true })
        if (this.#json) {
          printJson({ type: 'terminal:output', payload: { agentId, terminalId: commandId, offset, data: text } })
          return
        }
        const lines = (line + text).split(/\r\n|\n/)
        line = lines.pop() ?? ''
        for (const complete of lines) process.stdout.write(`${agentId} | ${complete}\n`)
      },
      onExit: () => {
        if (line !== '') process.stdout.write(`${agentId} | ${line}\n`)
        line = ''
      },
    }
  }
}
