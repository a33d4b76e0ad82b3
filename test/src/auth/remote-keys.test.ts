import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'tap'
import { remoteKeys } from '../../../src/auth/remote-keys.ts'
import { issuer } from '../../helpers/foreign-token.ts'
import { startKeyServer } from '../../helpers/key-server.ts'

const header = (kid: string, alg = 'EdDSA') => ({ kid, alg })

test('keys are fetched once, and again for a key id that is not known: so rotation is seen', async t => {
  const [first, second] = [issuer('EdDSA', 'one'), issuer('ES256', 'two')]
  const server = await startKeyServer(t, [first.jwk])
  const keyFor = remoteKeys(server.url, { cooldownMs: 0 })
  t.equal(await keyFor(header('one')), first.pem)
  t.equal(await keyFor(header('one')), first.pem)
  t.equal(server.hits, 1, 'cached')
  server.keys = [second.jwk]
  t.equal(await keyFor(header('two', 'ES256')), second.pem)
  t.equal(server.hits, 2)
  await t.rejects(keyFor(header('one')), { code: 'ERR_JWKS_NO_MATCHING_KEY' }, 'the key that was taken away')
})

test('forged key ids do not make the server ask the issuer each time', async t => {
  const { jwk, pem } = issuer('EdDSA', 'one')
  const server = await startKeyServer(t, [jwk])
  const keyFor = remoteKeys(server.url)
  t.equal(await keyFor(header('one')), pem)
  const forged = Array.from({ length: 50 }, (_, i) => keyFor(header(`forged-${i}`)))
  for (const attempt of await Promise.allSettled(forged)) t.equal(attempt.status, 'rejected')
  t.equal(server.hits, 1)
})

test('a key is only for the algorithm of its kind', async t => {
  const { jwk } = issuer('RS256', 'one')
  const server = await startKeyServer(t, [jwk, { kty: 'oct', kid: 'hmac', k: 'c2VjcmV0', alg: 'HS256' }])
  const keyFor = remoteKeys(server.url, { cooldownMs: 0 })
  t.ok(await keyFor(header('one', 'RS256')))
  for (const alg of ['ES256', 'EdDSA', 'HS256', 'none']) await t.rejects(keyFor(header('one', alg)), alg)
  await t.rejects(keyFor(header('hmac', 'HS256')))
})

test('an issuer that is down, broken or redirects is a fault of its own', async t => {
  const server = await startKeyServer(t, [])
  server.keys = undefined
  await t.rejects(remoteKeys(server.url)(header('one')), { code: 'FLW_ERR_KEYS_UNAVAILABLE' })

  const target = await startKeyServer(t, [issuer('EdDSA', 'one').jwk])
  const redirecting = createServer((_request, response) => response.writeHead(302, { location: target.url }).end())
  await new Promise<void>(resolve => redirecting.listen(0, '127.0.0.1', resolve))
  const { port } = redirecting.address() as AddressInfo
  await t.rejects(remoteKeys(`http://127.0.0.1:${port}/`)(header('one')), { code: 'FLW_ERR_KEYS_UNAVAILABLE' })
  t.equal(target.hits, 0)
  await new Promise(resolve => redirecting.close(resolve))
  await t.rejects(remoteKeys(`http://127.0.0.1:${port}/`)(header('one')), { code: 'FLW_ERR_KEYS_UNAVAILABLE' })
})

test('keys are fetched over https, or from this machine', async t => {
  for (const url of [
    'https://issuer.example/jwks',
    'http://localhost/jwks',
    'http://127.0.0.1:1/',
    'http://[::1]:1/',
  ]) {
    t.doesNotThrow(() => remoteKeys(url), url)
  }
  for (const url of [
    'http://issuer.example/jwks',
    'http://127.0.0.1.evil.example/',
    'http://localhost.evil.example/',
    'file:///etc/jwks',
    'issuer.example',
    '',
  ]) {
    t.throws(() => remoteKeys(url), { code: 'FLW_ERR_CONFIG_INVALID' }, url)
  }
})
