import { createHash, generateKeyPairSync } from 'node:crypto'
import { test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { SECRET, startApp } from '../helpers/build.ts'
import { hmacToken, issuer, unsignedToken } from '../helpers/foreign-token.ts'
import { startKeyServer } from '../helpers/key-server.ts'
import { connectWs } from '../helpers/ws-client.ts'

/** Key pairs of two issuers. Generating a pair takes longer than a test. */
const [ours, others] = [1, 2].map(() => generateKeyPairSync('rsa', { modulusLength: 2048 }))

test('with a public key, tokens are verified but not minted, and the public key is no secret', async t => {
  for (const alg of ['RS256', 'ES256', 'EdDSA'] as const) {
    const { pem, token } = issuer(alg, undefined, alg === 'RS256' ? ours : undefined)
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
      issuer(alg, undefined, alg === 'RS256' ? others : undefined).token(),
    ]) {
      t.equal((await call(forged, 'GET', '/api/v1/tokens')).status, 401, `forged ${alg}`)
    }
  }
})

test('with a key set, rotation works; an issuer that is down gives 503, not 401', async t => {
  const [first, second] = [issuer('EdDSA', 'one'), issuer('RS256', 'two', others)]
  const keys = await startKeyServer(t, [first.jwk])
  const { call } = await startApp(t, { config: { JWKS_URL: keys.url, JWT_AUDIENCE: 'any' }, jwksCooldownMs: 0 })
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
  t.equal(await status(first.token()), 401, 'a withdrawn key')
  t.equal(await status(hmacToken(first.pem, {}, { kid: 'two' })), 401)
  t.equal(await status(second.token({}, { alg: 'ES256' })), 401)
})

test('[AU16] a token for another audience or issuer is refused, and the error names both', async t => {
  const billing = issuer('ES256', 'one')
  const keys = await startKeyServer(t, [billing.jwk])
  const server = (config: object) => startApp(t, { config: { JWKS_URL: keys.url, ...config } })

  const both = await server({ JWT_AUDIENCE: 'fleetwire, api://fleet', JWT_ISSUER: ['https://id.example/', 'old'] })
  const ask = async (claims: object) => (await both.call(billing.token(claims), 'GET', '/api/v1/tokens')) as Asked
  const iss = 'https://id.example/'
  for (const aud of ['fleetwire', 'api://fleet', ['billing', 'fleetwire'], ['fleetwire']]) {
    t.equal((await ask({ aud, iss })).status, 200, JSON.stringify(aud))
  }
  t.equal((await ask({ aud: 'fleetwire', iss: 'old' })).status, 200)
  for (const aud of [
    undefined,
    null,
    '',
    'billing',
    ['billing'],
    [],
    'fleetwire ',
    'Fleetwire',
    { fleetwire: 1 },
    7,
    [['fleetwire']],
  ]) {
    const { status, body } = await ask({ aud, iss })
    t.match(
      { status, body },
      { status: 401, body: { code: 'unauthorized', message: /for the audience/ } },
      JSON.stringify(aud),
    )
  }
  t.match((await ask({ aud: 'billing', iss })).body.message, '"billing", not for "fleetwire" or "api://fleet"')
  for (const other of [undefined, 'https://id.example', 'https://evil.example/', [iss], { iss }, '']) {
    t.match(await ask({ aud: 'fleetwire', iss: other }), { status: 401, body: { message: /issued by/ } })
  }

  const one = await server({ JWT_ISSUER: iss })
  t.equal((await one.call(billing.token({ aud: 'x', iss }), 'GET', '/api/v1/tokens')).status, 200)
  t.equal((await one.call(billing.token({ aud: 'x', iss: 'y' }), 'GET', '/api/v1/tokens')).status, 401)
  const any = await server({ JWT_AUDIENCE: 'any' })
  t.equal((await any.call(billing.token({ aud: 'x' }), 'GET', '/api/v1/tokens')).status, 200)
})

interface Asked {
  status: number
  body: { message: string }
}

test('[AU16] a server with a key set but no audience or issuer does not start', async t => {
  const config = { JWKS_URL: 'https://issuer.example/jwks', DATA_DIR: t.testdir() }
  await t.rejects(buildApp({ logger: false, config }), {
    code: 'FLW_ERR_CONFIG_INVALID',
    message: /FLEETWIRE_JWT_AUDIENCE=any/,
  })
  for (const JWT_AUDIENCE of ['', 'a,,b', []]) {
    await t.rejects(buildApp({ logger: false, config: { ...config, JWT_AUDIENCE } }), {
      message: /FLEETWIRE_JWT_AUDIENCE/,
    })
  }
  await t.rejects(buildApp({ logger: false, config: { DATA_DIR: t.testdir(), JWT_ROLE_CLAIM: 'sub' } }), {
    message: /FLEETWIRE_JWT_ROLE_CLAIM/,
  })
})

test('[AU16] with a secret, minted tokens have the configured audience, issuer and role claim', async t => {
  const config = { JWT_AUDIENCE: 'fleetwire', JWT_ISSUER: 'here', JWT_ROLE_CLAIM: 'realm_access.roles' }
  const { call, token } = await startApp(t, { config })
  const admin = await token('admin')
  t.equal((await call(admin, 'GET', '/api/v1/tokens')).status, 200)
  const claims = JSON.parse(Buffer.from(admin.split('.')[1]!, 'base64url').toString())
  t.match(claims, { aud: 'fleetwire', iss: 'here', 'realm_access.roles': 'admin' })
  t.equal(
    (await call(hmacToken(SECRET), 'GET', '/api/v1/tokens')).status,
    401,
    'a token from another program with the same secret',
  )
  const other = hmacToken(SECRET, { aud: 'fleetwire', iss: 'here', realm_access: { roles: ['x', 'admin'] } })
  t.equal((await call(other, 'GET', '/api/v1/tokens')).status, 200)
})

test('[AU22] a user’s subject may be any text, on sockets and for their inbox', async t => {
  const { pem, token } = issuer()
  const { url, call } = await startApp(t, {
    config: { JWT_PUBLIC_KEY: pem, JWT_ROLE_CLAIM: 'https://fleet.example/roles' },
  })
  const as = (sub: string, roles: unknown = ['operator']) =>
    token({ sub, role: undefined, 'https://fleet.example/roles': roles })
  const sub = 'auth0|66f0c3'
  const key = `u-${createHash('sha256').update(sub).digest('base64url').slice(0, 22)}`
  t.equal((await call(as(sub), 'GET', '/api/v1/agents')).status, 200)
  for (const odd of ['repo:octo/app:ref:refs/heads/main', 'ann@example.org', '名前', 'a b', '../etc', '$x', '>', '*']) {
    t.equal((await call(as(odd), 'GET', '/api/v1/agents')).status, 200, odd)
  }
  t.equal((await call(as('client@clients', 'agent'), 'GET', '/api/v1/agents')).status, 401)

  const ws = await connectWs(t, url, as(sub))
  const topic = `users.${key}.inbox`
  ws.send('dashboard:connect', {})
  t.match((await ws.next('connection:established')).payload, { userId: sub, userKey: key, role: 'operator' })
  ws.send('subscribe', { topics: [topic, 'users.*.inbox'] }, 's')
  t.match((await ws.next('reply')).payload, { ok: true })
  const eve = await connectWs(t, url, as(`${sub}x`))
  t.match(
    await eve.request('subscribe', { topics: [topic] }),
    { ok: false, error: { code: 'forbidden' } },
    'nobody else’s inbox',
  )
  const event = { topic, type: 'custom:hello', payload: {} }
  t.equal((await call(as('backend'), 'POST', '/api/v1/events', event)).status, 202)
  t.match(await ws.next('custom:hello'), { topic })

  const spoof = await connectWs(t, url, as(key))
  t.match(
    await spoof.request('subscribe', { topics: [topic] }),
    { ok: false, error: { code: 'forbidden' } },
    'nor may a user whose own subject is this topic name',
  )
})

test('[AU24] the log says why a signature was refused, but never contains the token', async t => {
  const lines: string[] = []
  const stream = { write: (line: string) => lines.push(line) }
  const { jwk, token } = issuer('ES256', 'one')
  const keys = await startKeyServer(t, [jwk])
  const config = { JWKS_URL: keys.url, JWT_AUDIENCE: 'any', DATA_DIR: t.testdir() }
  const { call } = await startApp(t, { config, logger: { stream: stream as never } })
  const said = async (bad: string) => {
    lines.length = 0
    t.equal((await call(bad, 'GET', '/api/v1/tokens')).status, 401)
    for (const part of bad.split('.').filter(text => text.length > 8)) t.notMatch(lines.join(''), part)
    return lines.join('')
  }
  t.match(await said(issuer('ES256', 'two').token()), /"kid":"two","reason":"no applicable key/)
  t.match(
    await said(issuer('ES256', 'one').token()),
    /"alg":"ES256","kid":"one","reason":"signature verification failed/,
  )
  t.match(await said(hmacToken('x'.repeat(32))), /"alg":"HS256","reason":"\\"alg\\"/)
  t.match(await said('nonsense'), /"reason":/)
  t.match(await said(token({}, { kid: 'x'.repeat(1000) })), /"kid":"x{100}"/)
})
