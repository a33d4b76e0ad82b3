import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createDecoder, createSigner } from 'fast-jwt'
import { issuerRulesOf, withIssuer } from '../auth/claim-rules.ts'
import { newId } from '../ids.ts'
import { CliError } from './cli-error.ts'

/** The server that a command talks to, and the token that it uses. */
export interface Target {
  url: string
  token: string
}

const DEFAULT_URL = 'http://127.0.0.1:3000'

/** Long enough for `tail`. Whoever can read the secret can sign another at any time. */
const LOCAL_TOKEN_SECONDS = 24 * 60 * 60
const LOCAL_AGENT_TOKEN_SECONDS = 30 * LOCAL_TOKEN_SECONDS

/**
 * Uses FLEETWIRE_URL and FLEETWIRE_TOKEN. Without a token, whoever can read the server's secret on this machine is its
 * admin.
 */
export async function resolveTarget(env: NodeJS.ProcessEnv = process.env): Promise<Target> {
  const url = resolveUrl(env)
  const { FLEETWIRE_TOKEN: token } = clean(env)
  if (token) return { url, token }
  const sign = await localSigner(env)
  if (sign !== undefined) return { url, token: sign({ sub: 'local-admin', role: 'admin' }, LOCAL_TOKEN_SECONDS) }
  const { environmentWarnings } = await import('../config.ts')
  throw new CliError(
    'denied',
    ['Set FLEETWIRE_TOKEN, or run this in the folder of the server (its data/secret is read).']
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
 * Like resolveTarget, for the agent with this id. The server knows an agent only by its token, so with another's token
 * it would run as that one.
 */
export async function agentToken(agentId: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const given = clean(env).FLEETWIRE_TOKEN
  if (given) {
    const sub = subjectOf(given)
    if (sub === undefined || sub === agentId) return given
    throw new CliError('denied', `FLEETWIRE_TOKEN is of "${sub}", not of the agent "${agentId}". ${mintHint(agentId)}`)
  }
  const sign = await localSigner(env)
  if (sign !== undefined) return sign({ sub: agentId, role: 'agent' }, LOCAL_AGENT_TOKEN_SECONDS)
  throw new CliError('denied', `FLEETWIRE_TOKEN is not set. ${mintHint(agentId)}`)
}

const mintHint = (agentId: string) => `Mint one with: fleetwire token --role agent --sub ${agentId}`

/** Undefined if it is not a JWT: the server's error says so better. */
function subjectOf(token: string): string | undefined {
  try {
    return createDecoder()(token).sub
  } catch {
    return undefined
  }
}

type Signer = (claims: { sub: string; role: string }, ttlSeconds: number) => string

/**
 * Signs with the secret of the server's data folder, if it is readable, without asking the server. The claims follow
 * the server's settings, so that it accepts them.
 */
async function localSigner(env: NodeJS.ProcessEnv): Promise<Signer | undefined> {
  const { FLEETWIRE_JWT_SECRET, FLEETWIRE_DATA_DIR, ...settings } = clean(env)
  const path = join(FLEETWIRE_DATA_DIR || './data', 'secret')
  const key =
    FLEETWIRE_JWT_SECRET ||
    (await readFile(path, 'utf8').then(
      text => text.trim(),
      () => undefined,
    ))
  if (key === undefined) return undefined
  const rules = issuerRulesOf({
    ...(settings.FLEETWIRE_JWT_AUDIENCE && { JWT_AUDIENCE: settings.FLEETWIRE_JWT_AUDIENCE }),
    ...(settings.FLEETWIRE_JWT_ISSUER && { JWT_ISSUER: settings.FLEETWIRE_JWT_ISSUER }),
    ...(settings.FLEETWIRE_JWT_ROLE_CLAIM && { JWT_ROLE_CLAIM: settings.FLEETWIRE_JWT_ROLE_CLAIM }),
  })
  return (claims, ttlSeconds) =>
    createSigner({ key, algorithm: 'HS256', expiresIn: ttlSeconds * 1000 })({
      ...withIssuer(claims, rules),
      jti: newId('tok'),
    })
}

/** Files and secret stores leave a line break at the end of a value. */
const clean = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value?.trim()]))
