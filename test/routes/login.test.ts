import type { LoginCode, LoginToken, TokenInfo } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { type StartOptions, startApp } from '../helpers/build.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { issuer } from '../helpers/foreign-token.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

async function start(t: Test, options: StartOptions = {}) {
  const server = await startApp(t, options)
  const makeCode = (token: string | undefined) => server.call<LoginCode>(token, 'POST', '/api/v1/login/codes')
  const logIn = (code: unknown) => server.call<LoginToken>(undefined, 'POST', '/api/v1/login', { code })
  const tokensOf = async (sub: string) => {
    const { body } = await server.call<{ items: TokenInfo[] }>(await server.token('admin'), 'GET', '/api/v1/tokens')
    return body.items.filter(token => token.sub === sub)
  }
  return { ...server, makeCode, logIn, tokensOf }
}

test('a server with default settings', async t => {
  const server = await start(t)
  await t.test('[AU31] a code is exchanged for a token only once', async t => {
    const { call, token, makeCode, logIn } = server
    const made = await makeCode(await token('operator', { sub: 'ann' }))
    t.match(made, { status: 201, headers: { get: Function } })
    t.equal(made.headers.get('cache-control'), 'no-store')
    const { code, expiresAt } = made.body
    t.match(code, /^[\w-]{32}$/)
    t.ok(expiresAt > Date.now() + 9 * MINUTE && expiresAt <= Date.now() + 10 * MINUTE)

    const login = await logIn(code)
    t.match(login, { status: 200, body: { token: String, expiresAt: Number } })
    t.equal((await call(login.body.token, 'GET', '/api/v1/agents')).status, 200)
    const again = await logIn(code)
    t.match(again, { status: 401, body: { code: 'unauthorized', message: /request a new one/ } })
    t.strictSame((await logIn('never-made')).body, again.body, 'used and unknown codes are indistinguishable')
  })

  await t.test('[AU31] of many simultaneous requests with one code, exactly one gets a token', async t => {
    const { token, makeCode, logIn, tokensOf } = server
    const { code } = (await makeCode(await token('viewer', { sub: 'meg' }))).body
    const answers = await Promise.all(Array.from({ length: 20 }, () => logIn(code)))
    const statuses = answers.map(({ status }) => status).sort()
    t.same(statuses, [200, ...Array(19).fill(401)])
    t.equal((await tokensOf('meg')).length, 2, 'their own token and the one from the login')
  })

  await t.test('[AU31] an invalid code is refused with the reason', async t => {
    const { call } = server
    for (const body of [
      undefined,
      {},
      { code: '' },
      { code: 7 },
      { code: 'x'.repeat(129) },
      { code: 'a', sub: 'root' },
    ]) {
      t.match(await call(undefined, 'POST', '/api/v1/login', body), { status: 400, body: { code: 'invalid_request' } })
    }
  })

  await t.test('[AU32] revoking the token or the subject of its creator invalidates a code', async t => {
    const { call, token, makeCode, logIn, tokensOf } = server
    const admin = await token('admin', { sub: 'root' })
    const byToken = (await makeCode(await token('viewer', { sub: 'ann' }))).body.code
    const [{ jti } = { jti: '' }] = await tokensOf('ann')
    t.equal((await call(admin, 'DELETE', `/api/v1/tokens/${jti}`)).status, 204)
    t.equal((await logIn(byToken)).status, 401)
    const bySubject = (await makeCode(await token('viewer', { sub: 'ben' }))).body.code
    t.equal((await call(admin, 'DELETE', '/api/v1/subjects/ben/tokens')).status, 204)
    t.equal((await logIn(bySubject)).status, 401)
  })
})

test('[AU31] a code expires after ten minutes, even if the clock is set back', async t => {
  const clock = new FakeClock(Date.now())
  const { token, makeCode, logIn } = await start(t, { clock })
  const ann = await token('viewer', { sub: 'ann' })
  const code = async () => (await makeCode(ann)).body.code
  const [intime, late, early] = [await code(), await code(), await code()]
  clock.advance(10 * MINUTE - 1)
  t.equal((await logIn(intime)).status, 200)
  clock.advance(1)
  t.equal((await logIn(late)).status, 401)
  clock.jump(-HOUR)
  t.equal((await logIn(early)).status, 401)
})

test('[AU31] false codes count as false tokens from their address', async t => {
  const { token, makeCode, logIn } = await start(t, { config: { FALSE_TOKEN_RATE: 3 } })
  const { code } = (await makeCode(await token('viewer'))).body
  for (let i = 0; i < 3; i++) t.equal((await logIn(`wrong-${i}`)).status, 401)
  const refused = await logIn('wrong-4')
  t.match(refused, { status: 429, body: { code: 'rate_limited' } })
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.equal((await logIn(code)).status, 200, 'a valid code is still accepted')
})

test('[AU32] the token of a login has the rights of the code’s creator and lives no longer', async t => {
  const clock = new FakeClock(Date.now())
  const { call, token, makeCode, logIn, tokensOf } = await start(t, { clock })
  const narrow = await token('operator', { sub: 'ann', agents: ['build-*'], scopes: ['read'], ttlSeconds: 3600 })
  clock.advance(1000)
  const { body } = await logIn((await makeCode(narrow)).body.code)
  const [login, own] = await tokensOf('ann')
  t.match(login, { role: 'operator', agents: ['build-*'], scopes: ['read'], createdBy: 'ann' })
  t.ok(login!.expiresAt <= own!.expiresAt && login!.expiresAt > own!.expiresAt - 2000)
  t.equal(body.expiresAt, login!.expiresAt)
  t.equal((await call(body.token, 'POST', '/api/v1/agents/build-1/commands', { kind: 'shell', input: '' })).status, 403)

  const wide = await token('admin', { sub: 'root', ttlSeconds: 10 * 365 * 86_400 })
  const { body: long } = await logIn((await makeCode(wide)).body.code)
  t.equal(long.expiresAt - (await tokensOf('root'))[0]!.createdAt <= 30 * 24 * HOUR, true, 'a month, like any token')

  const short = await token('viewer', { sub: 'ben', ttlSeconds: 60 })
  const { body: ends } = await makeCode(short)
  t.ok(ends.expiresAt <= clock.now() + MINUTE, 'a code does not outlive the token that created it')
})

test('[AU32] agents and callers without a token cannot create codes, and nobody can if tokens are minted elsewhere', async t => {
  const { token, makeCode } = await start(t)
  t.equal((await makeCode(await token('agent', { sub: 'a1' }))).status, 403)
  t.equal((await makeCode(undefined)).status, 401)
  const { pem, token: sign } = issuer()
  const foreign = await start(t, { config: { JWT_PUBLIC_KEY: pem, JWT_AUDIENCE: ['any'] } })
  t.match(await foreign.makeCode(sign({ sub: 'ann', role: 'viewer' })), {
    status: 409,
    body: { message: /JWT_PUBLIC_KEY/ },
  })
})

test('[AU33] no code or token is in the store, the log or an event; the audit trail shows who logged in', async t => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const { log, token, makeCode, logIn } = await start(t, { logger: { stream } })
  const told: string[] = []
  log.follow(events => void told.push(...events.map(({ topic, type, json }) => `${topic} ${type} ${json}`)))
  const { code } = (await makeCode(await token('viewer', { sub: 'ann' }))).body
  const { body } = await logIn(code)
  await logIn(code)
  t.ok(told.length > 0 && lines.length > 0)
  for (const secret of [code, body.token, body.token.split('.')[2]!]) {
    t.notOk(told.some(line => line.includes(secret)))
    t.notOk(lines.some(line => line.includes(secret)))
  }
  const actions = told.filter(line => line.startsWith('system.audit')).map(line => /"action":"([^"]+)"/.exec(line)?.[1])
  t.same(actions, ['login:code', 'login:use'])
})

test('[AU31] a code survives a restart of the server', async t => {
  const config = { DATA_DIR: t.testdir() }
  const first = await start(t, { config })
  const [unused, used] = [await first.token('viewer'), await first.token('viewer')]
  const codes = [(await first.makeCode(unused)).body.code, (await first.makeCode(used)).body.code] as const
  t.equal((await first.logIn(codes[1])).status, 200)
  await first.app.close()
  const second = await start(t, { config })
  t.equal((await second.logIn(codes[1])).status, 401, 'already used')
  t.equal((await second.logIn(codes[0])).status, 200)
})
