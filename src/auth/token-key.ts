import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Config } from '../config.ts'
import { FLW_ERR_CONFIG_INVALID } from '../errors.ts'
import { type FetchKey, remoteKeys } from './remote-keys.ts'
import { loadSecret } from './secret.ts'

/** Every algorithm is pinned to a kind of key: a public key must never serve as an HMAC secret. */
export type Algorithm = 'HS256' | AsymmetricAlgorithm
type AsymmetricAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const
const CURVES: Record<string, AsymmetricAlgorithm> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }

/** What tokens are verified with. Only with a secret can they be minted here. */
export type TokenKey =
  | { kind: 'secret'; secret: string; algorithms: Algorithm[] }
  | { kind: 'public-key'; pem: string; algorithms: Algorithm[] }
  | { kind: 'key-set'; fetchKey: FetchKey; algorithms: Algorithm[] }

export interface TokenKeyOptions {
  warn(message: string): void
  /** Least time between two fetches for keys that are not known; tests shorten it. */
  jwksCooldownMs?: number | undefined
}

/** Throws FLW_ERR_CONFIG_INVALID or FLW_ERR_SECRET_FILE: the server does not start on a key that it would not trust. */
export async function loadTokenKey(config: Config, { warn, jwksCooldownMs }: TokenKeyOptions): Promise<TokenKey> {
  const { JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL, DATA_DIR } = config
  const named = Object.entries({ JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL }).filter(([, value]) => value !== undefined)
  if (named.length > 1) {
    const names = named.map(([name]) => `FLEETWIRE_${name}`).join(' and ')
    throw new FLW_ERR_CONFIG_INVALID(`Configuration: ${names} exclude each other: tokens have one issuer`)
  }
  if (JWT_PUBLIC_KEY !== undefined) return publicKey(JWT_PUBLIC_KEY)
  if (JWKS_URL !== undefined) {
    const fetchKey = remoteKeys(JWKS_URL, { cooldownMs: jwksCooldownMs })
    return { kind: 'key-set', fetchKey, algorithms: [...RSA, ...Object.values(CURVES), 'EdDSA'] }
  }
  const secret = JWT_SECRET ?? (await loadSecret({ dataDir: DATA_DIR, warn }))
  return { kind: 'secret', secret, algorithms: ['HS256'] }
}

function publicKey(text: string): TokenKey {
  const refuse = (reason: string): never => {
    throw new FLW_ERR_CONFIG_INVALID(`Configuration: FLEETWIRE_JWT_PUBLIC_KEY ${reason}`)
  }
  // Environment files often carry the line breaks of a PEM as \n.
  const pem = text.replaceAll('\\n', '\n')
  if (pem.includes('PRIVATE KEY')) refuse('is a private key; the public one is enough to verify')
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch {
    return refuse('is not a PEM public key')
  }
  const algorithms = algorithmsOf(key)
  if (algorithms.length === 0) refuse('is neither RSA (2048 bits or more), P-256, P-384, P-521 nor Ed25519')
  return { kind: 'public-key', pem: key.export({ type: 'spki', format: 'pem' }).toString(), algorithms }
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): Algorithm[] {
  switch (asymmetricKeyType) {
    case 'rsa':
      return (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048 ? [...RSA] : []
    case 'ec': {
      const algorithm = CURVES[asymmetricKeyDetails?.namedCurve ?? '']
      return algorithm === undefined ? [] : [algorithm]
    }
    case 'ed25519':
      return ['EdDSA']
    default:
      return []
  }
}
