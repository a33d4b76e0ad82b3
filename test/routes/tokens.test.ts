import type { MintedToken, TokenInfo } from '@fleetwire/protocol'
import { test } from 'tap'
import { startApp, type TestApp } from '../helpers/build.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { issuer } from '../helpers/foreign-token.ts'
import { openStream } from '../helpers/sse-client.ts'
import { until } from '../helpers/until.ts'
import { connectWs, refusedUpgrade } from '../helpers/ws-client.ts'

type TokenList = { items: TokenInfo[]; nextCursor: string }

test('[AU9] [RE3] an admin mints, lists and revokes tokens; a revoked token is refused at once', async t => {
  const { call, token } = await startApp(t)
  const admin = await token('admin')

  const minted = await call<MintedToken>(admin, 'POST', '/api/v1/tokens', {
    sub: 'ann',
    role: 'operator',
    ttlSeconds: 60,
  })
  t.equal(minted.status, 201)
  t.equal(minted.headers.get('cache-control'), 'no-store')
  const { token: anns, jti, expiresAt } = minted.body
  t.ok(expiresAt > Date.now() && expiresAt <= Date.now() + 61_000)

  t.equal((await call(anns, 'GET', '/api/v1/tokens')).status, 403, 'valid, but not an admin')

  const { body: list } = await call<TokenList>(admin, 'GET', '/api/v1/tokens?limit=1')
  t.match(list, { items: [{ jti, sub: 'ann', role: 'operator', agents: ['*'], createdBy: 'admin' }] })
  t.notMatch(JSON.stringify(list), anns)
  const { body: rest } = await call(admin, 'GET', `/api/v1/tokens?cursor=${list.nextCursor}`)
  t.match(rest, { items: [{ sub: 'admin' }], nextCursor: null })

  t.equal((await call(admin, 'DELETE', `/api/v1/tokens/${jti}`)).status, 204)
  t.equal((await call(admin, 'DELETE', `/api/v1/tokens/${jti}`)).status, 204, 'revoking is idempotent')
  t.equal((await call(anns, 'GET', '/api/v1/tokens')).status, 401)
})

test('[AU12] an admin with narrowed rights mints no wider token', async t => {
  const { call, token } = await startApp(t)
  const narrow = await token('admin', { agents: ['build-*'] })
  const mint = (body: object) => call(narrow, 'POST', '/api/v1/tokens', { sub: 'x', role: 'viewer', ...body })
  t.match(await mint({}), { status: 403, body: { code: 'forbidden' } })
  t.match(
    await mint({ agents: ['build-1'] }),
    { status: 403, body: { message: /can mint only for "admin"/ } },
    'no name of others',
  )
  t.match(await mint({ agents: ['build-1'], sub: 'admin' }), { status: 201 })
  t.match(await mint({ agents: ['build-1'], scopes: ['admin'] }), { status: 400, body: { code: 'invalid_request' } })
})

test('[AU23] a token lives a month by default and a year at most, or as configured', async t => {
  const DAY = 86_400
  const life = async ({ call, token }: TestApp, ttlSeconds?: number) => {
    const body = { sub: 'ann', role: 'viewer', ttlSeconds }
    const { status, body: answer } = await call<MintedToken & { message: string }>(
      await token('admin'),
      'POST',
      '/api/v1/tokens',
      body,
    )
    return status === 201 ? Math.round((answer.expiresAt - Date.now()) / 1000 / DAY) : `${status} ${answer.message}`
  }
  const server = await startApp(t)
  t.equal(await life(server), 30)
  t.equal(await life(server, 365 * DAY), 365)
  t.match(await life(server, 365 * DAY + 1), /^400 .*at most 31536000 seconds.*FLEETWIRE_TOKEN_MAX_TTL_MS/)
  const short = await startApp(t, { config: { TOKEN_MAX_TTL_MS: DAY * 1000 } })
  t.equal(await life(short), 1, 'the default is capped by the maximum')
  t.match(await life(short, DAY + 1), /^400/)
  const long = await startApp(t, { config: { TOKEN_MAX_TTL_MS: 5 * 365 * DAY * 1000 } })
  t.equal(await life(long, 5 * 365 * DAY), 5 * 365)
})

test('[AU26] [AU27] revoking external tokens by jti or subject ends sockets and streams at once and survives a restart', async t => {
  const { pem, token: sign } = issuer()
  const config = { JWT_PUBLIC_KEY: pem, DATA_DIR: t.testdir() }
  const server = await startApp(t, { config })
  const iat = Math.floor(Date.now() / 1000) - 10
  const root = sign({ sub: 'root', iat, jti: 'root' })
  const status = async (token: string, { call } = server) => (await call(token, 'GET', '/api/v1/agents')).status
  const revoke = async (path: string) => (await server.call(root, 'DELETE', `/api/v1/${path}`)).status

  const jti = 'onrtro:8f/..%2F'
  const byId = sign({ sub: 'ann', role: 'viewer', iat, jti })
  const other = sign({ sub: 'ann', role: 'viewer', iat, jti: 'another' })
  const [ws, kept] = [await connectWs(t, server.url, byId), await connectWs(t, server.url, other)]
  const stream = await openStream(t, server.url, byId, { query: '?topics=agents.*.status' })
  t.equal(await revoke(`tokens/${encodeURIComponent(jti)}`), 204)
  t.equal(await ws.closed, 4401)
  t.match((await stream.next('connection:closing')).data, { code: 4401 })
  t.equal(await status(byId), 401)
  t.equal(await status(other), 200)
  t.match(await kept.request('subscribe', { topics: ['agents.*.status'] }), { ok: true }, 'only its own')
  t.equal(await revoke(`tokens/x?expiresAt=${Date.now() + 1000}`), 204)
  t.equal(await revoke('tokens/x?expiresAt=soon'), 400)
  t.equal(await revoke(`tokens/${'x'.repeat(257)}`), 400)

  const sub = 'auth0|66f0 ü/x'
  const many = [{ iat }, { iat: undefined }, { iat, jti: 'j' }, { iat, role: 'operator' }].map(claims =>
    sign({ sub, role: 'viewer', ...claims }),
  )
  const sockets = await Promise.all(many.map(token => connectWs(t, server.url, token)))
  const theirs = await openStream(t, server.url, many[0], { query: '?topics=agents.*.status' })
  t.equal(await revoke(`subjects/${encodeURIComponent(sub)}/tokens`), 204)
  t.equal(await revoke(`subjects/${encodeURIComponent(sub)}/tokens`), 204, 'revoking is idempotent')
  for (const { closed } of sockets) t.equal(await closed, 4401)
  t.match((await theirs.next('connection:closing')).data, { code: 4401 })
  for (const token of many) t.equal(await status(token), 401)
  t.equal(
    await status(sign({ sub, role: 'viewer', iat: Math.floor(Date.now() / 1000) + 2 })),
    200,
    'tokens issued afterwards are valid',
  )
  t.equal(await status(sign({ sub: `${sub}x`, role: 'viewer', iat })), 200)
  t.equal(await revoke(`subjects/${'x'.repeat(255)}/tokens`), 204)
  t.equal(await revoke(`subjects/${'x'.repeat(256)}/tokens`), 400)
  t.equal((await server.call(other, 'DELETE', '/api/v1/subjects/ann/tokens')).status, 403)

  // An agent's socket counts as a socket of its subject.
  const agent = await connectWs(t, server.url, sign({ sub: 'build-1', role: 'agent', iat }), '/agent')
  t.equal(await revoke('subjects/build-1/tokens'), 204)
  t.equal(await agent.closed, 4401)

  await server.app.close()
  const again = await startApp(t, { config })
  for (const token of [byId, ...many]) t.equal(await status(token, again), 401)
  t.equal(await status(other, again), 200)
})

test('[AU28] at the limit of revocations, another one is a conflict that names the setting', async t => {
  const { call, token } = await startApp(t, { config: { MAX_REVOCATIONS: 1 } })
  const admin = await token('admin')
  t.equal((await call(admin, 'DELETE', '/api/v1/tokens/a')).status, 204)
  t.match(await call(admin, 'DELETE', '/api/v1/tokens/b'), {
    status: 409,
    body: { code: 'conflict', message: /1 revocations.*FLEETWIRE_MAX_REVOCATIONS/ },
  })
  t.equal((await call(admin, 'DELETE', '/api/v1/subjects/ann/tokens')).status, 409)
})

test('[AU26] a socket whose token is revoked while it waits for admission is not opened', async t => {
  const clock = new FakeClock(Date.now())
  const { app, url, token } = await startApp(t, { clock, config: { ADMISSION_RATE: 1 } })
  const minted = await app.tokens.mint({ sub: 'ann', role: 'viewer' }, 'test')
  if (minted.status !== 'minted') throw new Error(minted.status)
  await connectWs(t, url, await token('viewer'))
  const headers = { authorization: `Bearer ${minted.token}` }
  const waiting = [1, 2].map(() => refusedUpgrade(`${url}/ws`, { headers }))
  await until(() => app.upgrades.waiting === 2)
  await app.tokens.revoke(minted.jti)
  clock.advance(5000)
  for (const { status, body } of await Promise.all(waiting)) t.match({ status, body }, { status: 401, body: /revoked/ })
})
