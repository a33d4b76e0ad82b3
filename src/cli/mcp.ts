import { Command } from 'commander'
import { systemClock } from '../clock.ts'
import { safeLines } from './safe-text.ts'
import { resolveTarget, resolveUrl } from './target.ts'

export const mcpCommand = new Command('mcp')
  .option('--read-only', 'leave out the tools that change something')
  .addHelpText(
    'after',
    `
Speaks the Model Context Protocol on its standard streams: an MCP client starts it.
It is a client of the server at FLEETWIRE_URL, with the rights of FLEETWIRE_TOKEN;
without a token, whoever can read the server's secret gets those of an operator.`,
  )
  .action(async ({ readOnly = false }: { readOnly?: boolean }) => {
    const warn = (message: string) => void process.stderr.write(`fleetwire: ${safeLines(message)}\n`)
    const rights = { sub: 'local-mcp', role: readOnly ? 'viewer' : 'operator' } as const
    // Report a wrong or missing token here, where a person may see it, before a model does.
    await resolveTarget(process.env, rights)
    if (process.stdin.isTTY)
      warn('an MCP client starts this and talks to it over its standard streams; docs/mcp.md says how to add it')
    const [{ runStdio }, { RemoteFleet }] = [await import('../mcp/stdio.ts'), await import('../mcp/remote-fleet.ts')]
    const url = resolveUrl()
    const token = async () => (await resolveTarget(process.env, rights)).token
    const port = new RemoteFleet({ url, token, clock: systemClock, warn })
    await runStdio({ port, clock: systemClock, readOnly, warn })
    port.close()
  })
