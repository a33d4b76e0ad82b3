import { createPublicKey, type JsonWebKey } from 'node:crypto'
import {
  type CryptoKey,
  compactVerify,
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FlattenedJWSInput,
  type JWK,
  type JWSHeaderParameters,
} from 'jose'
import { FLW_ERR_CONFIG_INVALID, FLW_ERR_KEYS_UNAVAILABLE } from '../errors.ts'
import { asymmetricAlgorithms, judgeKey } from './key-strength.ts'

/** The claims of a token with a valid signature, or why it is not valid. */
export type Signed = { claims: unknown } | { reason: string }

/** Throws FLW_ERR_KEYS_UNAVAILABLE when the keys cannot be fetched. */
export type VerifySignature = (token: string) => Promise<Signed>

export interface RemoteKeysOptions {
  /**
   * Minimum time between two fetches for unknown key ids; otherwise each forged token would cost the issuer a request.
   * A rotated key is accepted after at most this time.
   */
  cooldownMs?: number | undefined
  /** By default http is allowed for loopback only: on any other network, an attacker could substitute the keys. */
  allowHttp?: boolean
  /** Called once for each key that the issuer publishes but that is not trusted. */
  warn?(message: string): void
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/
const KEY_SET_TIMEOUT_MS = 5000

/**
 * Verifies signatures with the keys of an issuer. The keys are fetched on first use, cached for ten minutes, and
 * fetched again for an unknown key id. Redirects are not followed, so that https stays https.
 */
export function remoteKeys(address: string, options: RemoteKeysOptions = {}): VerifySignature {
  const { cooldownMs = 5000, allowHttp = false, warn = () => {} } = options
  const url = keySetUrl(address, allowHttp)
  const trusted = trustedKeys(warn)
  /** The keys without an id: a token may name a key id even if the issuer's set has none for that key. */
  let nameless: ReturnType<typeof createLocalJWKSet> | undefined
  const keySet = createRemoteJWKSet(url, {
    cooldownDuration: cooldownMs,
    timeoutDuration: KEY_SET_TIMEOUT_MS,
    [customFetch]: async (href, init) => {
      const response = await fetch(href, init)
      if (response.status !== 200) return response
      const set = trusted(await response.json())
      nameless = withoutIds(set)
      return Response.json(set)
    },
  })
  const unavailable = (cause: unknown) => new FLW_ERR_KEYS_UNAVAILABLE(url.host, (cause as Error).message)
  const keyFor = (header: JWSHeaderParameters, token: FlattenedJWSInput) =>
    keySet(header, token)
      .catch(cause => {
        if (!(cause instanceof errors.JWKSNoMatchingKey) || nameless === undefined) throw cause
        const { kid: _, ...unnamed } = header
        return nameless(unnamed, token)
      })
      .catch(cause => {
        throw isAboutTheToken(cause) ? cause : unavailable(cause)
      })

  const verify = async (token: string): Promise<Signed> => {
    try {
      return claimsOf(await compactVerify(token, keyFor, { algorithms: [...asymmetricAlgorithms] }))
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyByAny(token, error)
      if (error instanceof FLW_ERR_KEYS_UNAVAILABLE) throw error
      return { reason: (error as Error).message }
    }
  }

  return async token => {
    const first = await verify(token)
    // Without a key id, the token does not show whether its key is new: only the issuer's current set can tell.
    if ('claims' in first || keySet.coolingDown || namesKey(token)) return first
    await keySet.reload().catch(cause => {
      throw unavailable(cause)
    })
    return verify(token)
  }
}

function keySetUrl(address: string, allowHttp: boolean): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol === 'https:') return url
  if (url?.protocol === 'http:' && (allowHttp || LOOPBACK.test(url.hostname))) return url
  throw new FLW_ERR_CONFIG_INVALID(
    'Configuration: FLEETWIRE_JWKS_URL must be an https URL; http is allowed for loopback, and for other hosts with FLEETWIRE_JWKS_ALLOW_HTTP=true',
  )
}

/** Drops keys that are not trusted, so that they do not interfere with the others. */
function trustedKeys(warn: (message: string) => void): (set: unknown) => unknown {
  const told = new Set<string>()
  return set => {
    const keys = (set as { keys?: unknown } | null)?.keys
    if (!Array.isArray(keys)) return set
    return {
      keys: keys.filter(jwk => {
        const flaw = flawOf(jwk)
        if (flaw === undefined) return true
        const message = `A key of FLEETWIRE_JWKS_URL is not used: ${JSON.stringify(jwk?.kid)?.slice(0, 80) ?? 'without kid'} ${flaw}`
        if (!told.has(message)) warn(message)
        told.add(message)
        return false
      }),
    }
  }
}

function withoutIds(set: unknown): ReturnType<typeof createLocalJWKSet> | undefined {
  const keys = (set as { keys?: JWK[] } | null)?.keys
  const unnamed = Array.isArray(keys) ? keys.filter(({ kid }) => kid === undefined) : []
  return unnamed.length > 0 ? createLocalJWKSet({ keys: unnamed }) : undefined
}

function flawOf(jwk: JsonWebKey | null): string | undefined {
  if (jwk?.kty === 'oct') return 'is symmetric, so anyone who can read it could sign'
  if (jwk?.d !== undefined) return 'is a private key'
  try {
    const verdict = judgeKey(createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }))
    return 'flaw' in verdict ? verdict.flaw : undefined
  } catch {
    return 'is not readable'
  }
}

async function verifyByAny(token: string, candidates: AsyncIterable<CryptoKey>): Promise<Signed> {
  for await (const key of candidates) {
    try {
      return claimsOf(await compactVerify(token, key, { algorithms: [...asymmetricAlgorithms] }))
    } catch {
      // The next key may match.
    }
  }
  return { reason: 'the signature matches no key for its algorithm' }
}

function claimsOf({ payload, protectedHeader }: Awaited<ReturnType<typeof compactVerify>>): Signed {
  if (protectedHeader.b64 === false) return { reason: 'the payload is not encoded' }
  try {
    return { claims: JSON.parse(new TextDecoder().decode(payload)) }
  } catch {
    return { reason: 'the payload is not JSON' }
  }
}

function namesKey(token: string): boolean {
  try {
    const header = JSON.parse(Buffer.from(token.split('.', 1)[0]!, 'base64url').toString())
    return header?.kid !== undefined || !asymmetricAlgorithms.includes(header?.alg)
  } catch {
    return true
  }
}

const isAboutTheToken = (error: unknown): boolean =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported
