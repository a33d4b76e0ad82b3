import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** Tokens are built by hand, because no library would sign invalid ones. */
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

export const claimsOf = (claims: object = {}): object => ({
  sub: 'ann',
  role: 'admin',
  iat: Math.floor(Date.now() / 1000),
  exp: Math.floor(Date.now() / 1000) + 3600,
  ...claims,
})

export function hmacToken(secret: string | Buffer, claims: object = {}, header: object = {}): string {
  const input = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(claimsOf(claims))}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

export function unsignedToken(alg = 'none', signature = ''): string {
  return `${encode({ alg, typ: 'JWT' })}.${encode(claimsOf())}.${signature}`
}

export interface Issuer {
  pem: string
  jwk: object
  token(claims?: object, header?: object): string
}

let rsaPair: KeyPair | undefined
/** Generating an RSA key takes as long as several tests, so all issuers in a process share one. */
function rsa(): KeyPair {
  rsaPair ??= generateKeyPairSync('rsa', { modulusLength: 2048 })
  return rsaPair
}

const kinds = {
  RS256: rsa,
  PS384: rsa,
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}
type Kind = keyof typeof kinds

interface KeyPair {
  publicKey: KeyObject
  privateKey: KeyObject
}

/** An external token issuer, with its own key pair unless it uses RSA. */
export function issuer(alg: Kind = 'EdDSA', kid?: string, { publicKey, privateKey }: KeyPair = kinds[alg]()): Issuer {
  return {
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    jwk: { ...publicKey.export({ format: 'jwk' }), alg, use: 'sig', ...(kid && { kid }) },
    token(claims = {}, header = {}) {
      const input = `${encode({ alg, typ: 'JWT', ...(kid && { kid }), ...header })}.${encode(claimsOf(claims))}`
      return `${input}.${signature(alg, input, privateKey).toString('base64url')}`
    },
  }
}

function signature(alg: Kind, input: string, key: KeyObject): Buffer {
  const data = Buffer.from(input)
  switch (alg) {
    case 'RS256':
      return sign('sha256', data, key)
    case 'PS384':
      return sign('sha384', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 })
    case 'ES256':
    case 'ES384':
    case 'ES512':
      return sign(`sha${alg.slice(2)}`, data, { key, dsaEncoding: 'ieee-p1363' })
    case 'EdDSA':
      return sign(null, data, key)
  }
}
