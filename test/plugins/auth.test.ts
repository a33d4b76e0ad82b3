import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { SECRET, startApp } from '../helpers/build.ts'
import { Capture } from '../helpers/capture.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { hmacToken, issuer, unsignedToken } from '../helpers/foreign-token.ts'
import { request } from '../helpers/raw.ts'
import { refusedUpgrade } from '../helpers/ws-client.ts'

/** Responds with the caller's identity. */
const whoami = (app: FastifyInstance) => {
  app.get(
    '/whoami',
    { onRequest: [app.checkOrigin, app.authenticate], config: { queryToken: true } },
    async ({ principal }) => principal,
  )
}

/** Every route that requires a token according to the API document. */
function protectedRoutes(app: FastifyInstance): [method: string, path: string][] {
  return Object.entries(app.swagger().paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, { security?: unknown[] }>)
      .filter(([, { security }]) => security?.length !== 0)
      .map(([method]): [string, string] => [method.toUpperCase(), path.replace(/\{[^}]+\}/g, 'some-id')]),
  )
}

test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test(
    '[AU1] [AU8] every route except the public ones returns 401 without a valid token, in the usual error shape',
    async t => {
      const { token, call, app, url } = server
      const revoked = await app.tokens.mint({ sub: 'gone', role: 'admin' }, 'test')
      if (revoked.status !== 'minted') return t.fail('not minted')
      await app.tokens.revoke(revoked.jti)
      const past = Math.floor(Date.now() / 1000) - 10
      const own = await token('admin')
      const wrong: Record<string, string | undefined> = {
        missing: undefined,
        garbage: 'garbage',
        'two dots': '..',
        'not base64': '@@.@@.@@',
        'not JSON': 'aaaa.bbbb.cccc',
        expired: hmacToken(SECRET, { exp: past }),
        'expires now': hmacToken(SECRET, { exp: Math.floor(Date.now() / 1000) }),
        'not yet valid': hmacToken(SECRET, { nbf: past + 1000 }),
        'no exp': hmacToken(SECRET, { exp: undefined }),
        'no role': hmacToken(SECRET, { role: undefined }),
        'unknown role': hmacToken(SECRET, { role: 'root' }),
        'sub of an agent is no id': hmacToken(SECRET, { sub: '../etc', role: 'agent' }),
        'sub too long': hmacToken(SECRET, { sub: 'x'.repeat(256) }),
        'issued in the future': hmacToken(SECRET, { iat: past + 1000 }),
        'another secret': hmacToken(`${SECRET}!`),
        'another algorithm': hmacToken(SECRET, {}, { alg: 'HS512' }),
        'asymmetric algorithm': hmacToken(SECRET, {}, { alg: 'RS256' }),
        'critical extension': hmacToken(SECRET, {}, { crit: ['x'], x: 1 }),
        none: unsignedToken(),
        'None with a signature': unsignedToken('None', own.split('.')[2]),
        'signature cut off': own.slice(0, own.lastIndexOf('.') + 1),
        'payload of another': `${own.split('.')[0]}.${hmacToken('x', { sub: 'eve' }).split('.')[1]}.${own.split('.')[2]}`,
        'foreign issuer': issuer('ES256').token(),
        revoked: revoked.token,
        'too long': hmacToken(SECRET, { padding: 'x'.repeat(7000) }),
      }
      const everywhere = ['missing', 'garbage', 'expired', 'revoked', 'none']
      const routes = protectedRoutes(app)
      t.ok(routes.length >= 3)
      for (const [method, path] of routes) {
        const all = path === '/api/v1/tokens'
        for (const [name, bad] of Object.entries(wrong)) {
          if (!all && !everywhere.includes(name)) continue
          const { status, body, headers } = await call(bad, method, path)
          t.match(
            { status, body, scheme: headers.get('www-authenticate') },
            { status: 401, body: { statusCode: 401, code: 'unauthorized', error: 'Unauthorized' }, scheme: /^Bearer$/ },
            `${name}: ${method} ${path}`,
          )
        }
      }
      t.equal((await call(own, 'GET', '/api/v1/tokens')).status, 200, 'the valid token is accepted')
      t.equal((await request(`${url}/api/v1/tokens`, { authorization: `Basic ${own}` })).status, 401)
    },
  )

  await t.test('[PM1] [PM2] a valid token with the wrong role is 403, not 401', async t => {
    const { token, call } = server
    for (const role of ['viewer', 'operator', 'agent'] as const) {
      const { status, body } = await call(await token(role), 'GET', '/api/v1/tokens')
      t.match({ status, body }, { status: 403, body: { code: 'forbidden' } }, role)
    }
    const narrowed = await token('admin', { scopes: ['read'] })
    t.equal((await call(narrowed, 'GET', '/api/v1/tokens')).status, 403, 'an admin without the scope')
  })

  await t.test('[AU25] a token in the query is accepted only where a browser cannot send a header', async t => {
    const { app, call, token } = server
    const admin = await token('admin')
    const routes = protectedRoutes(app).filter(([, path]) => path !== '/api/v1/events/stream')
    t.ok(routes.length > 30)
    for (const [method, path] of routes) {
      const { status, body } = await call(undefined, method, `${path}?token=${admin}`)
      t.match({ status, body }, { status: 401, body: { message: /query.*Authorization: Bearer/ } }, `${method} ${path}`)
    }
  })

  await t.test('verifyToken checks tokens that arrive over a socket', async t => {
    const { app, token } = server
    t.match(await app.verifyToken(await token('agent', { sub: 'a1' })), { principal: { sub: 'a1', role: 'agent' } })
    for (const bad of ['', 'x', 'x'.repeat(100_000), '\u0000', 'a.b.c', '🙂.🙂.🙂']) {
      t.match(await app.verifyToken(bad), { refusal: { code: 'unauthorized' } })
    }
  })

  await t.test(
    'a token with any character of its header or claims changed is refused, without an internal error',
    async t => {
      const { app, token } = server
      const good = await token('admin')
      const signed = good.lastIndexOf('.')
      const alphabet = 'AZaz09-_.=+ {"\u0000\u00ff\u2028'
      const passed: string[] = []
      for (let at = 0; at < signed; at++) {
        const char = alphabet[at % alphabet.length]!
        for (const bad of [
          good.slice(0, at) + char + good.slice(at + 1),
          good.slice(0, at) + good.slice(at + 1),
          good.slice(0, at),
        ]) {
          if (bad !== good && !('refusal' in (await app.verifyToken(bad)))) passed.push(bad)
        }
      }
      t.same(passed, [])
    },
  )
})

test('[AU2] [AU3] the first token source that is present decides', async t => {
  const { token, url } = await startApp(t, { extend: whoami })
  const [a, b, c] = [
    await token('viewer', { sub: 'a' }),
    await token('viewer', { sub: 'b' }),
    await token('viewer', { sub: 'c' }),
  ]
  const header = { authorization: `Bearer ${a}` }
  const protocol = { 'sec-websocket-protocol': `fleetwire.v1, bearer.${b}` }
  const ask = (query: string, headers: Record<string, string>) => request(`${url}/whoami${query}`, headers)

  t.match((await ask(`?token=${c}`, { ...header, ...protocol })).text, '"sub":"a"')
  t.match((await ask(`?token=${c}`, protocol)).text, '"sub":"b"')
  t.match((await ask(`?token=${c}`, {})).text, '"sub":"c"')
  t.equal((await ask(`?token=${c}`, { ...protocol, authorization: 'Bearer nonsense' })).status, 401)
  t.equal((await ask(`?token=${c}`, { 'sec-websocket-protocol': 'bearer.nonsense' })).status, 401)
  t.equal((await ask(`?token=${c}&token=${c}`, {})).status, 401)
})

test('[AU5] ?token= can be switched off, and is not passed to the route', async t => {
  const on = await startApp(t)
  const off = await startApp(t, { config: { ALLOW_QUERY_TOKEN: false } })
  for (const server of [on, off]) {
    const admin = await server.token('admin')
    const isOn = server === on
    for (const path of ['/ws', '/ws/tasks/t1']) {
      const query = `${server.url}${path}?token=${admin}`
      // After the token check, a plain request fails because it is no upgrade.
      t.equal((await request(query)).status, isOn ? 400 : 401, path)
    }
    const stream = new AbortController()
    const { status } = await fetch(`${server.url}/api/v1/events/stream?token=${admin}`, { signal: stream.signal })
    stream.abort()
    t.equal(status, isOn ? 200 : 401)
    t.equal(
      (await server.call(admin, 'GET', '/api/v1/tokens?token=x')).status,
      200,
      'next to a header, the query is ignored',
    )
  }
})

test('[LM16] only false tokens from an address are limited, not its other requests', async t => {
  const { call, token, url, app } = await startApp(t, {
    config: { FALSE_TOKEN_RATE: 10 },
    clock: new FakeClock(Date.now()),
  })
  const good = await token('admin')
  const old = hmacToken(SECRET, { exp: Math.floor(Date.now() / 1000) - 10 })
  const ask = async (bad: string | undefined) => (await call(bad, 'GET', '/api/v1/tokens')).status
  for (let i = 0; i < 10; i++) t.equal(await ask(i % 2 ? 'nonsense' : hmacToken(`${SECRET}!`)), 401)
  t.match(await call('nonsense', 'GET', '/api/v1/tokens'), {
    status: 429,
    body: { code: 'rate_limited', message: /invalid tokens/, details: { retryAfterMs: Number } },
  })
  t.match(await refusedUpgrade(`${url}/ws?token=nonsense`), { status: 429, headers: { 'retry-after': String } })
  t.equal(await ask(good), 200, 'a valid token from the same address')
  t.equal(await ask(await token('viewer', { sub: 'new' })), 403, 'a valid token that was never seen')
  t.equal(await ask(old), 401, 'an expired token is told to be renewed')
  t.equal(await ask(undefined), 401, 'no token is no attempt')
  t.equal(app.refusals.counts().get('false_tokens_per_address'), 2)
})

test('[AU7] pages of other origins may not upgrade; programs send no origin', async t => {
  const { token, url } = await startApp(t, { extend: whoami, config: { ALLOWED_ORIGINS: 'https://ui.example' } })
  const authorization = `Bearer ${await token('viewer')}`
  const from = async (origin?: string) =>
    (await request(`${url}/whoami`, { authorization, ...(origin !== undefined && { origin }) })).status
  t.equal(await from(), 200)
  t.equal(await from(url), 200)
  t.equal(await from('https://ui.example'), 200)
  t.equal(await from('https://evil.example'), 403)
  t.equal(await from('null'), 403)
})

test('[AU5] no token that was sent or minted is ever logged', async t => {
  const stream = new Capture()
  const { token, url, call } = await startApp(t, { config: { LOG_LEVEL: 'trace' }, logger: { stream }, extend: whoami })
  const admin = await token('admin')
  const seen = [admin, hmacToken('wrong secret'), 'opaque-token-text']
  for (const sent of seen) {
    await request(`${url}/whoami?token=${sent}`)
    await request(`${url}/whoami?%74oken=${sent}`)
    await request(`${url}/nowhere?token=${sent}`)
    await request(`${url}/%E0%A4%A?token=${sent}`)
    await request(`${url}/whoami`, { authorization: `Bearer ${sent}` })
    await request(`${url}/whoami`, { authorization: sent })
    await request(`${url}/whoami`, { 'sec-websocket-protocol': `fleetwire.v1, bearer.${sent}` })
  }
  const { body } = await call<{ token: string }>(admin, 'POST', '/api/v1/tokens', { sub: 'ann', role: 'viewer' })
  t.match(stream.text, 'incoming request')
  for (const secret of [...seen, body.token]) {
    t.notOk(stream.text.includes(secret))
    if (secret.includes('.')) t.notOk(stream.text.includes(secret.split('.')[2]!), 'nor its signature')
  }
})
