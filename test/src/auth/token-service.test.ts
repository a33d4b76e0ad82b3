import type { Claims } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import type { Principal } from '../../../src/auth/principal.ts'
import { TokenService, type TokenVerdict } from '../../../src/auth/token-service.ts'
import { openSqliteLog } from '../../../src/log/sqlite-log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { inSharedThread } from '../../helpers/log-thread.ts'

/** The "token" is its claims: this service does not check signatures. */
const sign = (claims: Claims) => JSON.stringify(claims)

async function setup(t: Test, dir = t.testdir()) {
  const clock = new FakeClock()
  const log = await openSqliteLog({ dir, clock, startWorker: inSharedThread, retention: { count: 1000, ms: 1e9 } })
  t.teardown(() => log.close())
  const start = async () => {
    const tokens = new TokenService({ log, clock, sign })
    await tokens.start()
    t.teardown(() => tokens.stop())
    return tokens
  }
  return { clock, log, dir, start, tokens: await start() }
}

async function mint(tokens: TokenService, sub = 'ann', ttlSeconds = 3600) {
  const minted = await tokens.mint({ sub, role: 'viewer', ttlSeconds }, 'root')
  if (minted.status !== 'minted') throw new Error(minted.status)
  return { ...minted, claims: JSON.parse(minted.token) as Claims }
}

const principalOf = (verdict: TokenVerdict): Principal | undefined =>
  'principal' in verdict ? verdict.principal : undefined
const refusalOf = (verdict: TokenVerdict): string | undefined =>
  'refusal' in verdict ? verdict.refusal.message : undefined

test('[AU8] a minted token identifies its subject until it expires', async t => {
  const { tokens, clock } = await setup(t)
  const { claims, jti, expiresAt } = await mint(tokens, 'ann', 60)
  t.same(principalOf(tokens.verify(claims)), {
    sub: 'ann',
    role: 'viewer',
    agents: ['*'],
    jti,
    issuedAt: Math.floor(clock.now() / 1000) * 1000,
    expiresAt,
  })
  clock.advance(expiresAt - clock.now() - 1)
  t.ok(principalOf(tokens.verify(claims)))
  clock.advance(1)
  t.equal(refusalOf(tokens.verify(claims)), 'The token expired.')
})

test('the claims of a token are stored, but never the token', async t => {
  const { tokens, log } = await setup(t)
  const { token, jti } = await mint(tokens)
  const record = await log.get(`$tokens.${jti}`)
  t.match(record?.payload, { jti, sub: 'ann', role: 'viewer', status: 'active', createdBy: 'root' })
  t.notMatch(record?.json, token.slice(0, 20))
})

test('[AU9] a revoked token is refused at once, by a service that starts later, and after a restart of the log', async t => {
  const { tokens, start, dir, log } = await setup(t)
  const { claims, jti } = await mint(tokens)
  const other = await mint(tokens, 'bob')
  t.same(await tokens.revoke(jti), { status: 'revoked' })
  t.same(await tokens.revoke(jti), { status: 'revoked' }, 'revoking is idempotent')
  for (const service of [tokens, await start()]) {
    t.equal(refusalOf(service.verify(claims)), 'The token was revoked.')
    t.equal(principalOf(service.verify(other.claims))?.sub, 'bob')
  }
  await log.close()
  const again = await setup(t, dir)
  t.equal(refusalOf(again.tokens.verify(claims)), 'The token was revoked.')
  t.match(await again.tokens.list({ limit: 10 }), { items: [{ sub: 'bob' }, { jti, revokedAt: Number }] })
})

test('[AU9] every service on the log learns of a revocation, and notifies its listeners once', async t => {
  const { tokens, start } = await setup(t)
  const elsewhere = await start()
  const { claims, jti, expiresAt } = await mint(tokens)
  const principal = principalOf(elsewhere.verify(claims))!
  const told: unknown[] = []
  const stop = elsewhere.onRevoked(revocation => told.push([revocation, elsewhere.isRevoked(principal)]))
  await tokens.revoke(jti)
  await tokens.revoke(jti)
  t.same(told, [[{ kind: 'token', jti, expiresAt }, true]], 'it is in effect before listeners are notified')
  stop()
  await tokens.revokeSubject('ann', 'root')
  t.equal(told.length, 1)
})

test('services that revoke one token at the same time both succeed', async t => {
  const { tokens, start } = await setup(t)
  const elsewhere = await start()
  const { jti } = await mint(tokens)
  t.same(await Promise.all([tokens.revoke(jti), elsewhere.revoke(jti)]), [{ status: 'revoked' }, { status: 'revoked' }])
})

test('[AU9] revoking a subject refuses tokens issued before it, and none minted after it, even in the same second', async t => {
  const { tokens, clock, start } = await setup(t)
  const before = await mint(tokens)
  const bob = await mint(tokens, 'bob')
  await tokens.revokeSubject('ann', 'root')
  const after = await mint(tokens)
  t.equal(after.claims.iat, before.claims.iat! + 1)
  const { iat: _, ...ageless } = before.claims
  for (const service of [tokens, await start()]) {
    t.equal(refusalOf(service.verify(before.claims)), 'The token was revoked.')
    t.equal(
      refusalOf(service.verify({ ...ageless, jti: 'other' })),
      'The token was revoked.',
      'a token without iat is refused too',
    )
    t.ok(principalOf(service.verify(after.claims)))
    t.ok(principalOf(service.verify(bob.claims)))
  }
  clock.advance(1000)
  await tokens.revokeSubject('ann', 'root')
  t.equal(refusalOf(tokens.verify(after.claims)), 'The token was revoked.')
})

test('[AU26] a token that was not minted here is revoked by its jti too, for good or until it expires', async t => {
  const { tokens, clock, start, dir, log } = await setup(t)
  const exp = clock.now() / 1000 + 3600
  const foreign = (jti: string) => ({ sub: 'ann', role: 'viewer', exp, jti })
  const odd = ['tok_unknown', 'onrtro:5f0c…/a b', 'x'.repeat(256), 'with.dots', '$tokens', '>', '__proto__']
  for (const jti of odd) {
    t.ok(principalOf(tokens.verify(foreign(jti))), jti)
    t.same(await tokens.revoke(jti), { status: 'revoked' })
    t.same(await tokens.revoke(jti), { status: 'revoked' }, 'revoking is idempotent')
    t.equal(refusalOf(tokens.verify(foreign(jti))), 'The token was revoked.', jti)
  }
  await tokens.revoke('ends', { expiresAt: exp * 1000 })
  t.ok(principalOf(tokens.verify(foreign('other'))))
  t.same((await tokens.list({ limit: 10 })).items, [], 'none of them is listed as minted here')
  for (const jti of [...odd, 'ends']) {
    t.equal(refusalOf((await start()).verify(foreign(jti))), 'The token was revoked.')
  }
  await log.close()
  const again = await setup(t, dir)
  for (const jti of [...odd, 'ends'])
    t.equal(refusalOf(again.tokens.verify(foreign(jti))), 'The token was revoked.', jti)
})

test('[AU28] revocations are kept up to a limit, but tokens minted here can be revoked beyond it', async t => {
  const { log, clock } = await setup(t)
  const tokens = new TokenService({ log, clock, sign, maxRevocations: 3 })
  await tokens.start()
  t.teardown(() => tokens.stop())
  const minted = await mint(tokens)
  const later = clock.now() + 1000
  t.same(await tokens.revoke('a', { expiresAt: later }), { status: 'revoked' })
  t.same(await tokens.revoke('b'), { status: 'revoked' })
  t.same(await tokens.revokeSubject('bob', 'root'), { status: 'revoked' })
  t.same(await tokens.revoke('c'), { status: 'full', limit: 3 })
  t.same(await tokens.revokeSubject('eve', 'root'), { status: 'full', limit: 3 })
  t.same(await tokens.revoke('b'), { status: 'revoked' }, 'what is revoked stays revoked')
  t.same(await tokens.revokeSubject('bob', 'root'), { status: 'revoked' }, 'and can be revoked again')
  t.same(await tokens.revoke(minted.jti), { status: 'revoked' })
  t.equal(refusalOf(tokens.verify(minted.claims)), 'The token was revoked.')
  clock.advance(3_600_001)
  t.same(await tokens.revoke('c'), { status: 'revoked' }, 'expired revocations make room')
})

test('[AU27] subjects of any text are revoked, each separately', async t => {
  const { tokens, clock, dir, log } = await setup(t)
  const exp = clock.now() / 1000 + 3600
  const iat = clock.now() / 1000 - 1
  const subs = [
    'auth0|66f',
    'auth0|66f0',
    'a b',
    'a.b',
    'a',
    '$revocations',
    '>',
    'ann@example.org',
    'x'.repeat(255),
    '名前',
  ]
  const claims = (sub: string) => ({ sub, role: 'viewer', exp, iat })
  const revoked = subs.filter((_, i) => i % 2 === 0)
  for (const sub of revoked) t.same(await tokens.revokeSubject(sub, 'root'), { status: 'revoked' })
  const check = (service: TokenService) => {
    for (const sub of subs) t.equal(principalOf(service.verify(claims(sub))) === undefined, revoked.includes(sub), sub)
  }
  check(tokens)
  await log.close()
  check((await setup(t, dir)).tokens)
})

test('without a signer no tokens are minted, and everything else works', async t => {
  const { log, clock } = await setup(t)
  const tokens = new TokenService({ log, clock })
  t.notOk(tokens.canMint)
  t.same(await tokens.mint({ sub: 'ann', role: 'viewer' }, 'root'), { status: 'disabled' })
  t.same(await tokens.list({ limit: 10 }), { items: [], nextCursor: null })
})

test('while the log cannot accept events, no token is handed out and none is reported as revoked', async t => {
  const { tokens, log } = await setup(t)
  await mint(tokens)
  await log.close()
  t.match(await tokens.mint({ sub: 'ann', role: 'viewer' }, 'root'), { status: 'unavailable', retryAfterMs: Number })
  t.match(await tokens.revokeSubject('ann', 'root'), { status: 'unavailable' })
})

test('[AU8] claims of the wrong type are refused by name', async t => {
  const { tokens, clock } = await setup(t)
  const good = { sub: 'ann', role: 'viewer', exp: clock.now() / 1000 + 60 }
  t.ok(principalOf(tokens.verify(good)))
  t.ok(
    principalOf(tokens.verify({ ...good, aud: ['x'], iss: 'y', nested: { deep: 1 } })),
    'other claims are up to the issuer',
  )
  t.same(principalOf(tokens.verify({ ...good, agents: [], scopes: ['read', 'openid'] })), {
    sub: 'ann',
    role: 'viewer',
    agents: [],
    scopes: ['read'],
    expiresAt: good.exp * 1000,
  })

  const values = [
    undefined,
    null,
    0,
    -1,
    1e300,
    Number.NaN,
    '',
    'x y',
    '../x',
    '$tokens',
    'a'.repeat(65),
    true,
    [],
    {},
    ['*', 7],
    ['>'],
  ]
  for (const claim of ['sub', 'role', 'exp'] as const) {
    for (const value of values) {
      if (claim === 'sub' && typeof value === 'string' && value !== '') continue
      const verdict = tokens.verify({ ...good, [claim]: value })
      t.match(
        refusalOf(verdict),
        claim === 'exp' && value === 0 ? 'expired' : `"${claim}"`,
        `${claim} ${JSON.stringify(value)}`,
      )
    }
  }
  for (const sub of ['', 'x'.repeat(256), 'a\nb', 'a\u0000', 'a\u007f']) {
    t.match(refusalOf(tokens.verify({ ...good, sub })), '"sub"', JSON.stringify(sub))
  }
  for (const sub of ['x y', 'a'.repeat(65), '../x', 'auth0|7', '']) {
    t.match(refusalOf(tokens.verify({ ...good, sub, role: 'agent' })), '"sub"', `an agent is an id: ${sub}`)
  }
  for (const claim of ['iat', 'nbf', 'jti', 'agents', 'scopes'] as const) {
    for (const value of [null, -1, 1e300, true, {}, [[]], [null], ['x y', 7], 'x'.repeat(300)]) {
      t.match(refusalOf(tokens.verify({ ...good, [claim]: value })), `"${claim}"`, `${claim} ${JSON.stringify(value)}`)
    }
  }
  t.match(refusalOf(tokens.verify({ ...good, nbf: good.exp })), 'not valid yet')
  for (const claims of [undefined, null, 'claims', 7, [], [good], () => good]) t.ok(refusalOf(tokens.verify(claims)))
})

test('[AU17] clocks may differ by the leeway: nbf, iat, and exp if an issuer signs', async t => {
  const { log, clock } = await setup(t)
  const now = clock.now() / 1000
  const service = (leewayMs: number, foreign: boolean) =>
    new TokenService({ log, clock, rules: { audiences: [], issuers: [], roleClaim: 'role', leewayMs, foreign } })
  const refused = (tokens: TokenService, claims: object) =>
    refusalOf(tokens.verify({ sub: 'ann', role: 'viewer', exp: now + 60, ...claims }))

  for (const foreign of [true, false]) {
    const five = service(5000, foreign)
    t.equal(refused(five, { nbf: now + 1 }), undefined)
    t.equal(refused(five, { nbf: now + 5, iat: now + 5 }), undefined)
    t.match(refused(five, { nbf: now + 6 }), 'not valid yet')
    t.match(refused(five, { iat: now + 6 }), 'issued in the future')
    t.match(refused(five, { exp: now - 5 }), 'expired')
  }
  t.equal(refused(service(5000, true), { exp: now - 4 }), undefined)
  t.match(refused(service(5000, false), { exp: now }), 'expired', 'there is no leeway for the server’s own clock')
  t.match(refused(service(0, true), { exp: now }), 'expired')
  t.match(refused(service(0, true), { nbf: now + 1 }), 'not valid yet')
  t.equal(refused(service(0, false), { iat: now + 1 }), undefined, 'a token minted after a revocation has a later iat')

  const expiresAt = (exp: number) =>
    principalOf(service(5000, true).verify({ sub: 'ann', role: 'viewer', exp }))?.expiresAt
  t.equal(expiresAt(now + 1), (now + 1) * 1000, 'a socket ends with its token')
  t.equal(expiresAt(now - 1), (now + 4) * 1000, 'and a socket opened within the leeway ends with the leeway')
})
