import type { MintedToken, TokenInfo } from '@fleetwire/protocol'
import { test } from 'tap'
import { startApp, type TestApp } from '../helpers/build.ts'

type TokenList = { items: TokenInfo[]; nextCursor: string }

test('[AU9] [RE3] an admin mints, lists and revokes; a revoked token is refused at once', async t => {
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

  t.equal((await call(anns, 'GET', '/api/v1/tokens')).status, 403, 'valid, but no admin')

  const { body: list } = await call<TokenList>(admin, 'GET', '/api/v1/tokens?limit=1')
  t.match(list, { items: [{ jti, sub: 'ann', role: 'operator', agents: ['*'], createdBy: 'admin' }] })
  t.notMatch(JSON.stringify(list), anns)
  const { body: rest } = await call(admin, 'GET', `/api/v1/tokens?cursor=${list.nextCursor}`)
  t.match(rest, { items: [{ sub: 'admin' }], nextCursor: null })

  t.equal((await call(admin, 'DELETE', `/api/v1/tokens/${jti}`)).status, 204)
  t.equal((await call(admin, 'DELETE', `/api/v1/tokens/${jti}`)).status, 204, 'idempotent')
  t.equal((await call(admin, 'DELETE', '/api/v1/tokens/tok_unknown')).status, 404)
  t.equal((await call(anns, 'GET', '/api/v1/tokens')).status, 401)
})

test('[AU12] a narrowed admin mints no wider token', async t => {
  const { call, token } = await startApp(t)
  const narrow = await token('admin', { agents: ['build-*'] })
  const mint = (body: object) => call(narrow, 'POST', '/api/v1/tokens', { sub: 'x', role: 'viewer', ...body })
  t.match(await mint({}), { status: 403, body: { code: 'forbidden' } })
  t.match(await mint({ agents: ['build-1'] }), { status: 201 })
  t.match(await mint({ agents: ['build-1'], scopes: ['admin'] }), { status: 400, body: { code: 'invalid_request' } })
})

test('[AU23] a token lives a month by itself, a year at most, or as long as the setting says', async t => {
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
  t.equal(await life(short), 1, 'the default is no longer than the most')
  t.match(await life(short, DAY + 1), /^400/)
  const long = await startApp(t, { config: { TOKEN_MAX_TTL_MS: 5 * 365 * DAY * 1000 } })
  t.equal(await life(long, 5 * 365 * DAY), 5 * 365)
})
