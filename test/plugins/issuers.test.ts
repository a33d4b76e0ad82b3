import { test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { hmacToken, issuer, unsignedToken } from '../helpers/foreign-token.ts'
import { startKeyServer } from '../helpers/key-server.ts'

test('with a public key, tokens are verified and not minted; the public key is no secret', async t => {
  for (const alg of ['RS256', 'ES256', 'EdDSA'] as const) {
    const { pem, token } = issuer(alg)
    const { call } = await startApp(t, { config: { JWT_PUBLIC_KEY: pem } })
    t.equal((await call(token(), 'GET', '/api/v1/tokens')).status, 200, alg)
    const minted = await call(token(), 'POST', '/api/v1/tokens', { sub: 'x', role: 'viewer' })
    t.match(minted, { status: 409, body: { code: 'conflict', message: /JWT_PUBLIC_KEY/ } })
    for (const forged of [
      hmacToken(pem),
      hmacToken(pem.trim()),
      hmacToken(Buffer.from(pem)),
      unsignedToken(),
      unsignedToken('none', 'AAAA'),
      issuer(alg).token(),
    ]) {
      t.equal((await call(forged, 'GET', '/api/v1/tokens')).status, 401, `forged ${alg}`)
    }
  }
})

test('with a key set, rotation is followed; an issuer that is down is 503, not 401', async t => {
  const [first, second] = [issuer('EdDSA', 'one'), issuer('RS256', 'two')]
  const keys = await startKeyServer(t, [first.jwk])
  const { call } = await startApp(t, { config: { JWKS_URL: keys.url }, jwksCooldownMs: 0 })
  const status = async (token: string) => (await call(token, 'GET', '/api/v1/tokens')).status

  keys.keys = undefined
  const down = await call(first.token(), 'GET', '/api/v1/tokens')
  t.match(down, { status: 503, body: { code: 'unavailable' } })
  t.equal(down.headers.get('retry-after'), '5')

  keys.keys = [first.jwk]
  t.equal(await status(first.token()), 200)
  t.equal(await status(second.token()), 401)
  keys.keys = [second.jwk]
  t.equal(await status(second.token()), 200)
  t.equal(await status(first.token()), 401, 'the key that was withdrawn')
  t.equal(await status(hmacToken(first.pem, {}, { kid: 'two' })), 401)
  t.equal(await status(second.token({}, { alg: 'ES256' })), 401)
})
