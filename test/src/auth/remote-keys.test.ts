import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'tap'
import { remoteKeys, type Signed } from '../../../src/auth/remote-keys.ts'
import { hmacToken, issuer, unsignedToken } from '../../helpers/foreign-token.ts'
import { startKeyServer } from '../../helpers/key-server.ts'

const good = (signed: Signed) => 'claims' in signed
const reason = (signed: Signed) => ('reason' in signed ? signed.reason : 'it was accepted')

test('keys are fetched once, and again for an unknown key id, so that rotation works', async t => {
  const [first, second] = [issuer('EdDSA', 'one'), issuer('ES256', 'two')]
  const server = await startKeyServer(t, [first.jwk])
  const verify = remoteKeys(server.url, { cooldownMs: 0 })
  t.match(await verify(first.token({ sub: 'ann' })), { claims: { sub: 'ann', role: 'admin' } })
  t.ok(good(await verify(first.token())))
  t.equal(server.hits, 1, 'cached')
  server.keys = [second.jwk]
  t.ok(good(await verify(second.token())))
  t.equal(server.hits, 2)
  t.match(reason(await verify(first.token())), /no applicable key/, 'the key that was taken away')
})

test('forged key ids do not each cause a request to the issuer', async t => {
  const known = issuer('EdDSA', 'one')
  const server = await startKeyServer(t, [known.jwk])
  const verify = remoteKeys(server.url)
  t.ok(good(await verify(known.token())))
  const forged = Array.from({ length: 50 }, (_, i) =>
    verify(issuer('EdDSA', i < 25 ? `forged-${i}` : undefined).token()),
  )
  for (const verdict of await Promise.all(forged)) t.notOk(good(verdict))
  t.equal(server.hits, 1)
})

test('[AU21] without a key id every matching key is tried, even one that the issuer added later', async t => {
  const [first, second, other, third] = [issuer('ES256'), issuer('ES256'), issuer('EdDSA'), issuer('ES256')]
  const server = await startKeyServer(t, [first.jwk, other.jwk, second.jwk])
  const verify = remoteKeys(server.url, { cooldownMs: 0 })
  for (const { token } of [first, second, other]) t.ok(good(await verify(token())))
  t.equal(server.hits, 1, 'one fetch for all of them')
  t.notOk(good(await verify(issuer('ES256').token())), 'nobody’s key')
  t.notOk(good(await verify(issuer('ES384').token())))
  server.keys = [first.jwk, third.jwk]
  t.ok(good(await verify(third.token())))
  t.notOk(good(await verify(second.token())), 'a withdrawn key')

  server.keys = [
    { ...first.jwk, kid: 'same' },
    { ...second.jwk, kid: 'same' },
  ]
  t.ok(good(await verify(second.token({}, { kid: 'same' }))), 'two keys with the same id')

  server.keys = [{ ...first.jwk, kid: 'named' }, second.jwk, third.jwk]
  t.ok(good(await verify(third.token({}, { kid: 'unknown' }))), 'a token may have a key id that the set lacks')
  t.notOk(good(await verify(first.token({}, { kid: 'unknown' }))), 'but a key with another id is never used')
  t.notOk(good(await verify(issuer('ES256').token({}, { kid: 'unknown' }))))
})

test('[AU19] a key works only with the algorithm of its kind', async t => {
  const { jwk, token, pem } = issuer('RS256', 'one')
  const hmac = { kty: 'oct', kid: 'hmac', k: Buffer.from('secret').toString('base64url') }
  const server = await startKeyServer(t, [jwk, hmac, { ...hmac, kid: 'hmac-alg', alg: 'HS256' }])
  const verify = remoteKeys(server.url, { cooldownMs: 0 })
  t.ok(good(await verify(token())))
  for (const forged of [
    token({}, { alg: 'ES256' }),
    token({}, { alg: 'EdDSA' }),
    token({}, { alg: 'RS512' }),
    token({}, { alg: undefined }),
    token({}, { alg: ['RS256'] }),
    token({}, { crit: ['x'], x: 1 }),
    token({}, { crit: ['b64'], b64: false }),
    hmacToken(pem, {}, { kid: 'one' }),
    hmacToken(pem.trim(), {}, { kid: 'one' }),
    hmacToken(JSON.stringify(jwk), {}, { kid: 'one' }),
    hmacToken('secret', {}, { kid: 'hmac' }),
    hmacToken('secret', {}, { kid: 'hmac-alg' }),
    hmacToken('secret'),
    hmacToken(''),
    unsignedToken(),
    unsignedToken('None', 'AAAA'),
    `${token()}x`,
    token().slice(0, -4),
    `${token().split('.').slice(0, 2).join('.')}.`,
    token({}, { kid: 'other' }),
    token({}, { kid: 7 }),
    '..',
    'a.b.c',
    'nothing',
  ]) {
    t.notOk(good(await verify(forged)), forged)
  }
})

test('[AU19] weak and unusual keys in a set are reported and ignored, and do not affect others', async t => {
  const pair = (modulusLength: number, publicExponent = 65_537) =>
    generateKeyPairSync('rsa', { modulusLength, publicExponent })
  const [fine, weak, tiny] = [
    issuer('RS256', 'fine'),
    issuer('RS256', 'weak', pair(1024)),
    issuer('RS256', 'tiny', pair(2048, 3)),
  ]
  const unfit = pair(2048)
  const [odd, priv, enc, ops, wrongAlg] = [
    issuer('ES256', 'odd', generateKeyPairSync('ec', { namedCurve: 'secp256k1' })),
    generateKeyPairSync('ed25519'),
    issuer('RS256', 'enc', unfit),
    issuer('RS256', 'ops', unfit),
    issuer('RS256', 'wrong', unfit),
  ]
  const published = issuer('EdDSA', 'private', priv)
  const server = await startKeyServer(t, [
    weak.jwk,
    tiny.jwk,
    odd.jwk,
    priv.privateKey.export({ format: 'jwk' }) && { ...priv.privateKey.export({ format: 'jwk' }), kid: 'private' },
    { ...enc.jwk, use: 'enc', alg: undefined },
    { ...ops.jwk, key_ops: ['encrypt'] },
    { ...wrongAlg.jwk, alg: 'RS512' },
    { kty: 'RSA', kid: 'broken', n: '!', e: 7 },
    { kty: 'EC', kid: 'no curve' },
    { kty: 'what', kid: 'unheard of' },
    { kty: 'oct', kid: 'symmetric', k: 'AAAA' },
    'nonsense' as never,
    null as never,
    fine.jwk,
  ])
  const warnings: string[] = []
  const verify = remoteKeys(server.url, { cooldownMs: 0, warn: message => warnings.push(message) })
  t.ok(good(await verify(fine.token())))
  for (const refused of [weak, tiny, odd, published, enc, ops, wrongAlg]) t.notOk(good(await verify(refused.token())))
  for (const kid of ['weak', 'tiny', 'odd', 'private', 'broken', 'no curve', 'unheard of', 'symmetric']) {
    t.equal(warnings.filter(text => text.includes(`"${kid}"`)).length, 1, `${kid} is reported once`)
  }
  t.notMatch(warnings.join('\n'), /fine|enc"/)
})

test('an issuer that is down, broken or redirecting causes an error with its own code', async t => {
  const { jwk, token } = issuer('EdDSA', 'one')
  const unavailable = { code: 'FLW_ERR_KEYS_UNAVAILABLE' }
  const server = await startKeyServer(t, [])
  server.keys = undefined
  await t.rejects(remoteKeys(server.url)(token()), unavailable)

  const target = await startKeyServer(t, [jwk])
  const odd = createServer((request, response) => {
    if (request.url === '/') response.writeHead(302, { location: target.url }).end()
    else response.end(request.url === '/text' ? 'no JSON' : request.url === '/null' ? 'null' : '{"keys":{}}')
  })
  await new Promise<void>(resolve => odd.listen(0, '127.0.0.1', resolve))
  const { port } = odd.address() as AddressInfo
  for (const path of ['', 'text', 'null', 'object']) {
    await t.rejects(remoteKeys(`http://127.0.0.1:${port}/${path}`)(token()), unavailable, path)
  }
  t.equal(target.hits, 0)
  odd.closeAllConnections()
  await new Promise(resolve => odd.close(resolve))
  await t.rejects(remoteKeys(`http://127.0.0.1:${port}/`)(token()), unavailable)

  // Known keys remain valid while the issuer is down; a token whose key might be new is not called invalid.
  server.keys = [jwk]
  const verify = remoteKeys(server.url, { cooldownMs: 0 })
  t.ok(good(await verify(token())))
  server.keys = undefined
  t.ok(good(await verify(token())))
  await t.rejects(verify(issuer('EdDSA', 'new').token()), unavailable)
  await t.rejects(verify(issuer('EdDSA').token()), unavailable)
})

test('[AU19] keys are fetched over https, or from this machine', async t => {
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
    'http://10.0.0.1/jwks',
  ]) {
    t.throws(() => remoteKeys(url), { code: 'FLW_ERR_CONFIG_INVALID', message: /JWKS_ALLOW_HTTP/ }, url)
    t.doesNotThrow(() => remoteKeys(url, { allowHttp: true }), url)
  }
  for (const url of ['file:///etc/jwks', 'issuer.example', '', 'ftp://issuer.example/jwks']) {
    t.throws(() => remoteKeys(url, { allowHttp: true }), { code: 'FLW_ERR_CONFIG_INVALID' }, url)
  }
})
