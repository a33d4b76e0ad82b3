import type { KeyObject } from 'node:crypto'

/** Each algorithm requires one kind of key: a public key must never serve as an HMAC secret. */
export type Algorithm = 'HS256' | AsymmetricAlgorithm
export type AsymmetricAlgorithm = (typeof RSA)[number] | 'ES256' | 'ES384' | 'ES512' | 'EdDSA'

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const
const CURVES: Record<string, AsymmetricAlgorithm> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }

export const asymmetricAlgorithms: readonly AsymmetricAlgorithm[] = [...RSA, ...Object.values(CURVES), 'EdDSA']

/** RFC 7518 §3.3. */
const MIN_RSA_BITS = 2048
/** FIPS 186-5 §A.1.1; with an exponent of 1 anyone could sign. */
const MIN_RSA_EXPONENT = 65_537n

export type KeyVerdict = { algorithms: AsymmetricAlgorithm[] } | { flaw: string }

/** The algorithms that a public key may be used with, or why it is not trusted. */
export function judgeKey({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): KeyVerdict {
  switch (asymmetricKeyType) {
    case 'rsa': {
      const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails
      if (modulusLength < MIN_RSA_BITS)
        return { flaw: `is an RSA key of ${modulusLength} bits; the minimum is ${MIN_RSA_BITS}` }
      if (publicExponent < MIN_RSA_EXPONENT)
        return { flaw: `is an RSA key with the exponent ${publicExponent}; the minimum is ${MIN_RSA_EXPONENT}` }
      return { algorithms: [...RSA] }
    }
    case 'ec': {
      const curve = asymmetricKeyDetails.namedCurve ?? 'unknown'
      const algorithm = CURVES[curve]
      return algorithm === undefined
        ? { flaw: `is on the curve ${curve}; P-256, P-384 and P-521 are supported` }
        : { algorithms: [algorithm] }
    }
    case 'ed25519':
      return { algorithms: ['EdDSA'] }
    default:
      return { flaw: `is of the type ${asymmetricKeyType}; RSA, P-256, P-384, P-521 and Ed25519 are supported` }
  }
}
