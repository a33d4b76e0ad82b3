import { KeyObject } from 'node:crypto'
import { createRemoteJWKSet, errors, type JWSHeaderParameters } from 'jose'
import { FLW_ERR_CONFIG_INVALID, FLW_ERR_KEYS_UNAVAILABLE } from '../errors.ts'

/** The PEM public key that a token's header names. Throws FLW_ERR_KEYS_UNAVAILABLE when the set cannot be fetched. */
export type FetchKey = (header: JWSHeaderParameters) => Promise<string>

export interface RemoteKeysOptions {
  /**
   * After a fetch, unknown key ids wait this long for the next one: else every forged token would cost the issuer a
   * request. A rotated key is accepted after at most this time.
   */
  cooldownMs?: number | undefined
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * The keys of an issuer, fetched when first needed, cached for ten minutes and fetched again for a key id that is not
 * known. Redirects are not followed, so that https stays https.
 */
export function remoteKeys(address: string, { cooldownMs = 5000 }: RemoteKeysOptions = {}): FetchKey {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && LOOPBACK.test(url.hostname))) {
    throw new FLW_ERR_CONFIG_INVALID('Configuration: FLEETWIRE_JWKS_URL must be an https URL (http only on loopback)')
  }
  const keyFor = createRemoteJWKSet(url, { cooldownDuration: cooldownMs, timeoutDuration: 5000 })
  const pems = new WeakMap<object, string>()
  return async header => {
    const key = await keyFor(header).catch(cause => {
      if (isAboutTheToken(cause)) throw cause
      throw new FLW_ERR_KEYS_UNAVAILABLE(url.host, (cause as Error).message)
    })
    const known = pems.get(key)
    if (known !== undefined) return known
    const pem = KeyObject.from(key).export({ type: 'spki', format: 'pem' }).toString()
    pems.set(key, pem)
    return pem
  }
}

const isAboutTheToken = (error: unknown): boolean =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported
