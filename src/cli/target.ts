import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createDecoder, createSigner } from 'fast-jwt'
import { newId } from '../ids.ts'
import { CliError } from './cli-error.ts'

/** The server that a command speaks to, and as whom. */
export interface Target {
  url: string
  token: string
}

const DEFAULT_URL = 'http://127.0.0.1:3000'

/** Long enough for `tail`; whoever can read the secret can sign another at any time. */
const LOCAL_TOKEN_SECONDS = 24 * 60 * 60
const LOCAL_AGENT_TOKEN_SECONDS = 30 * LOCAL_TOKEN_SECONDS

/**
 * FLEETWIRE_URL and FLEETWIRE_TOKEN; without a token, whoever can read the server's secret on this machine is its admin.
 */
export async function resolveTarget(env: NodeJS.ProcessEnv = process.env): Promise<Target> {
  const url = resolveUrl(env)
  const token = env.FLEETWIRE_TOKEN
  if (token) return { url, token }
  const secret = await readSecret(env)
  if (secret !== undefined)
    return { url, token: signLocally(secret, { sub: 'local-admin', role: 'admin' }, LOCAL_TOKEN_SECONDS) }
  throw new CliError(
    'denied',
    'Set FLEETWIRE_TOKEN, or run this in the folder of the server (its data/secret is read).',
  )
}

export function resolveUrl(env: NodeJS.ProcessEnv = process.env): string {
  const url = env.FLEETWIRE_URL || DEFAULT_URL
  if (!/^https?:/.test(url) || !URL.canParse(url))
    throw new CliError('usage', `FLEETWIRE_URL is not an http(s) URL: ${url}`)
  return url
}

/** As resolveTarget, for the agent of this id: the server knows it by its token alone, so another's would run as another. */
export async function agentToken(agentId: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const given = env.FLEETWIRE_TOKEN
  if (given) {
    const sub = subjectOf(given)
    if (sub === undefined || sub === agentId) return given
    throw new CliError('denied', `FLEETWIRE_TOKEN is of "${sub}", not of the agent "${agentId}". ${mintHint(agentId)}`)
  }
  const secret = await readSecret(env)
  if (secret !== undefined) return signLocally(secret, { sub: agentId, role: 'agent' }, LOCAL_AGENT_TOKEN_SECONDS)
  throw new CliError('denied', `FLEETWIRE_TOKEN is not set. ${mintHint(agentId)}`)
}

const mintHint = (agentId: string) => `Mint one with: fleetwire token --role agent --sub ${agentId}`

/** Undefined where it is no JWT at all: the server says so better. */
function subjectOf(token: string): string | undefined {
  try {
    return createDecoder()(token).sub
  } catch {
    return undefined
  }
}

/** The secret that `serve` generated in this data folder, if it may be read. */
async function readSecret(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (env.FLEETWIRE_JWT_SECRET) return env.FLEETWIRE_JWT_SECRET
  const path = join(env.FLEETWIRE_DATA_DIR || './data', 'secret')
  return readFile(path, 'utf8').then(
    text => text.trim(),
    () => undefined,
  )
}

/** Signs claims with the secret of a data folder, without a server. */
function signLocally(secret: string, claims: { sub: string; role: string }, ttlSeconds: number): string {
  return createSigner({ key: secret, algorithm: 'HS256', expiresIn: ttlSeconds * 1000 })({
    ...claims,
    jti: newId('tok'),
  })
}
