import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError } from './cli-error.ts'
import type { Signer } from './local-signer.ts'

/** The server that a command talks to, and the token it uses. */
export interface Target {
  url: string
  token: string
}

const DEFAULT_URL = 'http://127.0.0.1:3000'

/** Long enough for `tail`. Anyone who can read the secret can sign another token at any time. */
const LOCAL_TOKEN_SECONDS = 24 * 60 * 60
const LOCAL_AGENT_TOKEN_SECONDS = 30 * LOCAL_TOKEN_SECONDS

/** The rights of a caller that can read the server's secret and gives no token. */
const localAdmin = { sub: 'local-admin', role: 'admin' }

/**
 * Uses FLEETWIRE_URL and FLEETWIRE_TOKEN. Without a token, a caller that can read the server's secret on this machine
 * gets `rights`, by default those of an admin.
 */
export async function resolveTarget(
  env: NodeJS.ProcessEnv = process.env,
  rights: { sub: string; role: string } = localAdmin,
): Promise<Target> {
  const url = resolveUrl(env)
  const { FLEETWIRE_TOKEN: token } = clean(env)
  if (token) return { url, token }
  const sign = await signerHere(env)
  if (sign !== undefined) return { url, token: sign(rights, LOCAL_TOKEN_SECONDS) }
  const { environmentWarnings } = await import('../config.ts')
  throw new CliError(
    'denied',
    ['Set FLEETWIRE_TOKEN, or run this in the server’s folder (its data/secret is read).']
      .concat(environmentWarnings(env))
      .join(' '),
  )
}

export function resolveUrl(env: NodeJS.ProcessEnv = process.env): string {
  const url = clean(env).FLEETWIRE_URL || DEFAULT_URL
  if (!/^https?:/.test(url) || !URL.canParse(url))
    throw new CliError('usage', `FLEETWIRE_URL is not an http(s) URL: ${url}`)
  return url
}

/**
 * Like resolveTarget, for the agent with this id. The server identifies an agent only by its token, so with another
 * agent's token it would run as that agent.
 */
export async function agentToken(agentId: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const given = clean(env).FLEETWIRE_TOKEN
  if (given) {
    const sub = await subjectOf(given)
    if (sub === undefined || sub === agentId) return given
    throw new CliError(
      'denied',
      `FLEETWIRE_TOKEN is for "${sub}", not for the agent "${agentId}". ${mintHint(agentId)}`,
    )
  }
  const sign = await signerHere(env)
  if (sign !== undefined) return sign({ sub: agentId, role: 'agent' }, LOCAL_AGENT_TOKEN_SECONDS)
  throw new CliError('denied', `FLEETWIRE_TOKEN is not set. ${mintHint(agentId)}`)
}

const mintHint = (agentId: string) => `Mint one with: fleetwire token --role agent --sub ${agentId}`

// The code that signs and reads tokens is loaded only when needed, since most commands are given a token.

/** Undefined if the token is not a JWT: the server reports that better. */
async function subjectOf(token: string): Promise<string | undefined> {
  const { createDecoder } = await import('fast-jwt')
  try {
    return createDecoder()(token).sub
  } catch {
    return undefined
  }
}

/** Signs with the secret of the server's data folder, if it is readable, without asking the server. */
async function signerHere(env: NodeJS.ProcessEnv): Promise<Signer | undefined> {
  const settings = clean(env)
  const path = join(settings.FLEETWIRE_DATA_DIR || './data', 'secret')
  const key =
    settings.FLEETWIRE_JWT_SECRET ||
    (await readFile(path, 'utf8').then(
      text => text.trim(),
      () => undefined,
    ))
  if (key === undefined) return undefined
  const { localSigner } = await import('./local-signer.ts')
  return localSigner(key, settings)
}

/** Trims values: files and secret stores often leave a line break at the end. */
const clean = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value?.trim()]))
