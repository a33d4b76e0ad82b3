import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createSigner } from 'fast-jwt'
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

/** Signs claims with the secret of a data folder, without a server. */
export function signLocally(secret: string, claims: { sub: string; role: string }, ttlSeconds: number): string {
  return createSigner({ key: secret, algorithm: 'HS256', expiresIn: ttlSeconds * 1000 })({
    ...claims,
    jti: newId('tok'),
  })
}

/** The secret that `serve` generated in this data folder, if it may be read. */
export async function readSecret(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (env.FLEETWIRE_JWT_SECRET) return env.FLEETWIRE_JWT_SECRET
  const path = join(env.FLEETWIRE_DATA_DIR || './data', 'secret')
  return readFile(path, 'utf8').then(
    text => text.trim(),
    () => undefined,
  )
}

/**
 * FLEETWIRE_URL and FLEETWIRE_TOKEN; without a token, whoever can read the server's secret on this machine is its admin.
 */
export async function resolveTarget(env: NodeJS.ProcessEnv = process.env): Promise<Target> {
  const url = env.FLEETWIRE_URL || DEFAULT_URL
  if (!URL.canParse(url)) throw new CliError('usage', `FLEETWIRE_URL is not a URL: ${url}`)
  const token = env.FLEETWIRE_TOKEN
  if (token) return { url, token }
  const secret = await readSecret(env)
  if (secret === undefined) {
    throw new CliError(
      'denied',
      'Set FLEETWIRE_TOKEN, or run this in the folder of the server (its data/secret is read).',
    )
  }
  return { url, token: signLocally(secret, { sub: 'local-admin', role: 'admin' }, LOCAL_TOKEN_SECONDS) }
}
