import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'tap'
import { loadTokenKey } from '../../../src/auth/token-key.ts'
import { type Config, loadConfig } from '../../../src/config.ts'
import { issuer } from '../../helpers/foreign-token.ts'

const load = async (config: Partial<Config>) => loadTokenKey(loadConfig({}, config), { warn: () => {} })
const spki = { type: 'spki', format: 'pem' } as const
const pkcs8 = { type: 'pkcs8', format: 'pem' } as const

/** Generating a pair takes a tenth of a second. */
const rsaIssuer = issuer('RS256')
const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']

test('each kind of key is restricted to its algorithms', async t => {
  t.match(await load({ JWT_SECRET: 's'.repeat(32) }), { kind: 'secret', algorithms: ['HS256'] })
  t.match(await load({ DATA_DIR: t.testdir() }), { kind: 'secret', algorithms: ['HS256'], secret: /^.{64}$/ })
  for (const [alg, algorithms] of [
    ['RS256', RSA],
    ['ES256', ['ES256']],
    ['ES384', ['ES384']],
    ['ES512', ['ES512']],
    ['EdDSA', ['EdDSA']],
  ] as const) {
    const { pem } = alg === 'RS256' ? rsaIssuer : issuer(alg)
    t.strictSame(await load({ JWT_PUBLIC_KEY: pem }), { kind: 'public-key', pem, algorithms })
  }
  t.match(await load({ JWKS_URL: 'https://issuer.example/jwks' }), { kind: 'key-set' })
})

test('[AU20] a public key is accepted in every form that environment variables use', async t => {
  const { pem } = rsaIssuer
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' })
  const base64 = Buffer.from(pem).toString('base64')
  const oneLine = pem.replaceAll('\n', '\\n')
  const table: Record<string, string> = {
    'as it is': pem,
    CRLF: pem.replaceAll('\n', '\r\n'),
    'literal \\n': oneLine,
    'literal \\r\\n': pem.replaceAll('\n', '\\r\\n'),
    'in double quotes': `"${pem}"`,
    'in single quotes, with literal \\n': `'${oneLine}'`,
    'in quotes, with a line break after them': `"${oneLine}"\n`,
    'line breaks turned into blanks': pem.trim().replaceAll('\n', ' '),
    'blanks around': `\n  ${pem}  \n`,
    indented: pem.replaceAll(/^/gm, '    '),
    'base64 of the PEM': base64,
    'base64 in lines': base64.replaceAll(/(.{64})/g, '$1\n'),
    'base64 in quotes': `"${base64}"`,
    'base64url of the PEM': Buffer.from(pem).toString('base64url'),
    'base64 of the DER': der.toString('base64'),
    'the body alone': pem.replaceAll(/-----.*-----\n/g, ''),
    'PKCS #1': createPublicKey(pem).export({ type: 'pkcs1', format: 'pem' }).toString(),
  }
  for (const [how, JWT_PUBLIC_KEY] of Object.entries(table)) {
    t.match(await load({ JWT_PUBLIC_KEY }), { kind: 'public-key', pem, algorithms: RSA }, how)
  }
})

test('[AU19] a key that is not trustworthy stops the start', async t => {
  const invalid = { code: 'FLW_ERR_CONFIG_INVALID' }
  const rsa = (modulusLength: number, publicExponent = 65_537) =>
    generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export(spki).toString()
  const curve = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).publicKey.export(spki).toString()
  const table: [pem: string, told: RegExp][] = [
    [rsa(1024), /1024 bits/],
    [rsa(2040), /2040 bits/],
    [rsa(2048, 3), /exponent 3/],
    [curve('secp256k1'), /secp256k1/],
    [curve('secp224r1'), /secp224r1/],
    [generateKeyPairSync('ed448').publicKey.export(spki).toString(), /ed448/],
    [generateKeyPairSync('x25519').publicKey.export(spki).toString(), /x25519/],
    [
      generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).publicKey.export(spki).toString(),
      /type dsa/,
    ],
    [generateKeyPairSync('ed25519').privateKey.export(pkcs8).toString(), /private key/],
    [Buffer.from(generateKeyPairSync('ed25519').privateKey.export(pkcs8)).toString('base64'), /private key/],
    [issuer().pem + issuer().pem, /several keys/],
    ['not a key', /neither a PEM/],
    ['x'.repeat(64), /neither a PEM/],
    ['/run/secrets/key.pem', /neither a PEM/],
  ]
  for (const [JWT_PUBLIC_KEY, message] of table) {
    await t.rejects(load({ JWT_PUBLIC_KEY }), { ...invalid, message: /FLEETWIRE_JWT_PUBLIC_KEY/ })
    await t.rejects(load({ JWT_PUBLIC_KEY }), { message }, String(message))
  }
  await t.rejects(load({ JWT_SECRET: 'short' }), invalid)
  await t.rejects(load({ JWT_SECRET: rsaIssuer.pem }), { ...invalid, message: /FLEETWIRE_JWT_PUBLIC_KEY/ })
  await t.rejects(load({ JWKS_URL: 'http://issuer.example' }), { ...invalid, message: /FLEETWIRE_JWKS_URL/ })
  await t.resolves(load({ JWKS_URL: 'http://issuer.example', JWKS_ALLOW_HTTP: true }))
  await t.rejects(load({ JWT_SECRET: 's'.repeat(32), JWT_PUBLIC_KEY: issuer().pem }), {
    ...invalid,
    message: /FLEETWIRE_JWT_SECRET and FLEETWIRE_JWT_PUBLIC_KEY/,
  })
})
