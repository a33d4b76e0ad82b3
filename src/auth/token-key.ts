import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Config } from '../config.ts'
import { FLW_ERR_CONFIG_INVALID } from '../errors.ts'
import { type Algorithm, judgeKey } from './key-strength.ts'
import type { VerifySignature } from './remote-keys.ts'
import { loadSecret } from './secret.ts'

/** The key that verifies tokens. Minting tokens here requires a secret. */
export type TokenKey =
  | { kind: 'secret'; secret: string; algorithms: Algorithm[] }
  | { kind: 'public-key'; pem: string; algorithms: Algorithm[] }
  | { kind: 'key-set'; verify: VerifySignature }

export interface TokenKeyOptions {
  warn(message: string): void
  /** Minimum time between two fetches for unknown keys; tests shorten it. */
  jwksCooldownMs?: number | undefined
}

/**
 * Throws FLW_ERR_CONFIG_INVALID or FLW_ERR_SECRET_FILE: the server does not start with a key that it would not trust.
 */
export async function loadTokenKey(config: Config, { warn, jwksCooldownMs }: TokenKeyOptions): Promise<TokenKey> {
  const { JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL, JWKS_ALLOW_HTTP, DATA_DIR } = config
  const named = Object.entries({ JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL }).filter(([, value]) => value !== undefined)
  if (named.length > 1) {
    const names = named.map(([name]) => `FLEETWIRE_${name}`).join(' and ')
    throw new FLW_ERR_CONFIG_INVALID(`Configuration: ${names} are mutually exclusive: tokens have one issuer`)
  }
  if (JWT_PUBLIC_KEY !== undefined) return publicKey(JWT_PUBLIC_KEY)
  if (JWKS_URL !== undefined) {
    const { remoteKeys } = await import('./remote-keys.ts')
    return {
      kind: 'key-set',
      verify: remoteKeys(JWKS_URL, { cooldownMs: jwksCooldownMs, allowHttp: JWKS_ALLOW_HTTP, warn }),
    }
  }
  if (JWT_SECRET?.includes('-----BEGIN')) {
    throw new FLW_ERR_CONFIG_INVALID(
      'Configuration: FLEETWIRE_JWT_SECRET is a PEM key. Anyone who knows a public key could sign with it: set FLEETWIRE_JWT_PUBLIC_KEY instead',
    )
  }
  const secret = JWT_SECRET ?? (await loadSecret({ dataDir: DATA_DIR, warn }))
  return { kind: 'secret', secret, algorithms: ['HS256'] }
}

function publicKey(text: string): TokenKey {
  const refuse = (reason: string): never => {
    throw new FLW_ERR_CONFIG_INVALID(`Configuration: FLEETWIRE_JWT_PUBLIC_KEY ${reason}`)
  }
  const pem = pemOf(text)
  if (pem.includes('PRIVATE KEY')) refuse('is a private key; the public one is enough to verify')
  if (pem.split('-----BEGIN').length > 2) refuse('contains several keys; use FLEETWIRE_JWKS_URL for more than one')
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch {
    return refuse('is neither a PEM public key nor the base64 of one')
  }
  const verdict = judgeKey(key)
  if ('flaw' in verdict) return refuse(verdict.flaw)
  return {
    kind: 'public-key',
    pem: key.export({ type: 'spki', format: 'pem' }).toString(),
    algorithms: verdict.algorithms,
  }
}

/**
 * Parses a PEM as environment variables hold it: quoted, with line breaks written as `\n` or turned into blanks, or
 * base64-encoded as a whole. A body without BEGIN and END lines is assumed to be of the usual kind (SPKI).
 */
function pemOf(text: string): string {
  const plain = text
    .trim()
    .replace(/^(["'])([\s\S]*)\1$/, '$2')
    .replaceAll(/\\r|\r/g, '')
    .replaceAll('\\n', '\n')
    .trim()
  const [, label, body = ''] = /^-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----$/.exec(plain) ?? []
  if (label !== undefined)
    return `-----BEGIN ${label}-----\n${body.replace(/\s+/g, '\n').trim()}\n-----END ${label}-----\n`
  if (!/^[A-Za-z0-9+/=_\s-]+$/.test(plain) || plain.includes('-----')) return plain
  const bytes = Buffer.from(plain, 'base64')
  const decoded = bytes.toString('latin1')
  return decoded.includes('-----BEGIN')
    ? pemOf(decoded)
    : `-----BEGIN PUBLIC KEY-----\n${bytes.toString('base64')}\n-----END PUBLIC KEY-----\n`
}
