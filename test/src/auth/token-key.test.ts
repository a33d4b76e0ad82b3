import { generateKeyPairSync } from 'node:crypto'
import { test } from 'tap'
import { loadTokenKey } from '../../../src/auth/token-key.ts'
import { type Config, loadConfig } from '../../../src/config.ts'
import { issuer } from '../../helpers/foreign-token.ts'

const load = async (config: Partial<Config>) => loadTokenKey(loadConfig({}, config), { warn: () => {} })
const spki = { type: 'spki', format: 'pem' } as const
const pkcs8 = { type: 'pkcs8', format: 'pem' } as const

test('each kind of key is pinned to its algorithms', async t => {
  t.match(await load({ JWT_SECRET: 's'.repeat(32) }), { kind: 'secret', algorithms: ['HS256'] })
  t.match(await load({ DATA_DIR: t.testdir() }), { kind: 'secret', algorithms: ['HS256'], secret: /^.{64}$/ })
  const rsa = await load({ JWT_PUBLIC_KEY: issuer('RS256').pem })
  t.same(rsa.algorithms, ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])
  t.same((await load({ JWT_PUBLIC_KEY: issuer('ES256').pem })).algorithms, ['ES256'])
  t.same((await load({ JWT_PUBLIC_KEY: issuer('EdDSA').pem.replaceAll('\n', '\\n') })).algorithms, ['EdDSA'])
  const set = await load({ JWKS_URL: 'https://issuer.example/jwks' })
  t.notOk(set.algorithms.some(algorithm => algorithm.startsWith('HS')))
})

test('a key that would not be trusted stops the start', async t => {
  const invalid = { code: 'FLW_ERR_CONFIG_INVALID' }
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export(spki).toString()
  const odd = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export(spki).toString()
  const secret = generateKeyPairSync('ed25519').privateKey.export(pkcs8).toString()
  for (const JWT_PUBLIC_KEY of [weak, odd, secret, 'not a key', 'x'.repeat(64)]) {
    await t.rejects(load({ JWT_PUBLIC_KEY }), { ...invalid, message: /FLEETWIRE_JWT_PUBLIC_KEY/ })
  }
  await t.rejects(load({ JWT_SECRET: 'short' }), invalid)
  await t.rejects(load({ JWKS_URL: 'http://issuer.example' }), { ...invalid, message: /FLEETWIRE_JWKS_URL/ })
  await t.rejects(load({ JWT_SECRET: 's'.repeat(32), JWT_PUBLIC_KEY: issuer().pem }), {
    ...invalid,
    message: /FLEETWIRE_JWT_SECRET and FLEETWIRE_JWT_PUBLIC_KEY/,
  })
})
