import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { CliError } from './cli-error.ts'
import { agentToken } from './target.ts'

export interface AgentTokenOptions {
  tokenFile?: string | undefined
  tokenCommand?: string | undefined
}

export interface AgentTokenSource {
  /** A string if there is no way to get another token. */
  token: string | (() => Promise<string>)
  renewable: boolean
}

const COMMAND_TIMEOUT_MS = 30_000

/**
 * Where the agent gets its token: from a file or a command, which are read or run again before the token expires, from
 * the server's own secret, or from FLEETWIRE_TOKEN, which never changes. The first token is fetched at once, so that a
 * mistake is reported at the start.
 */
export async function agentTokenSource(
  agentId: string,
  { tokenFile, tokenCommand }: AgentTokenOptions,
  env: NodeJS.ProcessEnv = process.env,
): Promise<AgentTokenSource> {
  const named = tokenFile !== undefined || tokenCommand !== undefined
  const file = tokenFile ?? (named ? undefined : env.FLEETWIRE_TOKEN_FILE || undefined)
  const command = tokenCommand ?? (named ? undefined : env.FLEETWIRE_TOKEN_COMMAND || undefined)
  if (file !== undefined && command !== undefined)
    throw new CliError('usage', 'Take the token from a file or from a command, not from both.')
  const of = (token: string) => agentToken(agentId, { ...env, FLEETWIRE_TOKEN: token.trim() })
  let next: () => Promise<string>
  if (file !== undefined) next = async () => of(await readTokenFile(file))
  else if (command !== undefined) next = async () => of(await runTokenCommand(command, env))
  else if (env.FLEETWIRE_TOKEN?.trim()) return { token: await agentToken(agentId, env), renewable: false }
  else next = () => agentToken(agentId, env)
  let first: string | undefined = await next()
  return {
    renewable: true,
    token: async () => {
      const token = first ?? (await next())
      first = undefined
      return token
    },
  }
}

async function readTokenFile(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(error => {
    throw new CliError('denied', `The token cannot be read from ${path}: ${(error as NodeJS.ErrnoException).code}`)
  })
  if (text.trim() === '') throw new CliError('denied', `There is no token in ${path}: it is empty.`)
  return text
}

/** Runs a shell line that prints a token. Its stderr becomes part of the error. */
async function runTokenCommand(line: string, env: NodeJS.ProcessEnv): Promise<string> {
  const run = promisify(execFile)('/bin/sh', ['-c', line], { env, timeout: COMMAND_TIMEOUT_MS })
  // Nobody can answer a prompt of the command.
  run.child.stdin?.end()
  const { stdout } = await run.catch(error => {
    const { code, killed, stderr = '' } = error as { code?: number; killed?: boolean; stderr?: string }
    const how = killed ? `did not end within ${COMMAND_TIMEOUT_MS / 1000} s` : `failed (${code})`
    throw new CliError('denied', `The token command ${how}: ${line}${stderr && `\n${stderr.trim()}`}`)
  })
  if (stdout.trim() === '') throw new CliError('denied', `The token command printed no token: ${line}`)
  return stdout
}
