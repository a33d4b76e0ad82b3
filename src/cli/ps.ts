import type { Agent } from '@fleetwire/protocol'
import { Command, Option } from 'commander'
import { pages } from './api.ts'
import { printJson, printTable, since, until } from './print.ts'
import { resolveTarget } from './target.ts'

export const psCommand = new Command('ps')
  .addOption(new Option('--status <status>', 'only agents with this status').choices(['online', 'offline', 'error']))
  .option('--json', 'one JSON object per line')
  .action(async (options: { status?: string; json?: boolean }) => {
    const target = await resolveTarget()
    const query = options.status === undefined ? '' : `&status=${encodeURIComponent(options.status)}`
    const rows: string[][] = []
    for await (const agent of pages<Agent>(target, `/agents?limit=500${query}`)) {
      if (options.json) printJson(agent)
      else
        rows.push([
          agent.agentId,
          agent.link,
          agent.work,
          agent.running.join(' ') || '-',
          since(agent.lastSeenAt),
          [agent.detail, expiry(agent)].filter(Boolean).join(' · '),
        ])
    }
    if (options.json) return
    if (rows.length === 0) process.stderr.write('No agents yet. Connect one with: fleetwire agent exec --id <id>\n')
    else printTable(['AGENT', 'LINK', 'WORK', 'RUNNING', 'LAST SEEN', 'DETAIL'], rows)
  })

/** `tokenExpiresAt` appears a day before the token expires, when there is still time to mint another. */
function expiry({ tokenExpiresAt }: Agent): string {
  if (tokenExpiresAt === undefined) return ''
  return tokenExpiresAt > Date.now() ? `token expires in ${until(tokenExpiresAt)}` : 'token has expired'
}
