import type { MintedToken, MintTokenBody } from '@fleetwire/protocol'
import { Command, Option } from 'commander'
import { call } from './api.ts'
import { CliError } from './cli-error.ts'
import { aSubject, durationOption } from './options.ts'
import { printJson } from './print.ts'
import { resolveTarget } from './target.ts'

interface TokenOptions {
  role: MintTokenBody['role']
  sub?: string
  ttl: number
  agents?: string
  json?: boolean
}

export const tokenCommand = new Command('token')
  .addOption(
    new Option('--role <role>', 'what it may do')
      .choices(['viewer', 'operator', 'admin', 'agent'])
      .makeOptionMandatory(),
  )
  .option('--sub <id>', 'whose it is: a user, or the id of the agent (default: the role)', aSubject)
  .addOption(durationOption('--ttl', 'how long it is valid', '30d'))
  .option('--agents <patterns>', 'comma-separated ids of the agents that it may see; * matches any characters')
  .option('--json', 'print token, jti and expiry as JSON')
  .action(async (options: TokenOptions) => {
    if (options.role === 'agent' && options.sub === undefined)
      throw new CliError('usage', 'An agent token needs --sub <agentId>.')
    const body: MintTokenBody = {
      role: options.role,
      sub: options.sub ?? options.role,
      ttlSeconds: Math.ceil(options.ttl / 1000),
      ...(options.agents !== undefined && { agents: options.agents.split(',') }),
    }
    const minted = await call<MintedToken>(await resolveTarget(), 'POST', '/tokens', { body })
    if (options.json) printJson(minted)
    else process.stdout.write(`${minted.token}\n`)
  })
