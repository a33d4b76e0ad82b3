import type { InterruptResult } from '@fleetwire/protocol'
import { Command } from 'commander'
import { call } from './api.ts'
import { printJson } from './print.ts'
import { resolveTarget } from './target.ts'

export const interruptCommand = new Command('interrupt')
  .argument('<commandId>', 'as printed by send; fleetwire ps shows what is running')
  .option('--reason <text>', 'kept with the command')
  .option('--json', 'print the answer as JSON')
  .action(async (commandId: string, options: { reason?: string; json?: boolean }) => {
    const body = options.reason === undefined ? {} : { reason: options.reason }
    const path = `/commands/${encodeURIComponent(commandId)}/interrupt`
    const result = await call<InterruptResult>(await resolveTarget(), 'POST', path, { body })
    if (options.json) printJson({ commandId, ...result })
    else
      process.stdout.write(
        `${commandId}: ${result.affected ? 'interrupting' : 'nothing to do'}, it is ${result.status}\n`,
      )
  })
