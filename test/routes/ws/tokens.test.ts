import t from 'tap'
import { startApp } from '../../helpers/build.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { connectWs } from '../../helpers/ws-client.ts'

t.test('[AU10] [CL3] when its token expires, a socket gets connection:closing and 4401', async t => {
  const clock = new FakeClock(Date.now())
  const { url, token } = await startApp(t, { clock })
  const client = await connectWs(t, url, await token('viewer', { ttlSeconds: 60 }))
  clock.advance(59_000)
  t.same(await client.request('ping'), { timestamp: clock.now() })
  clock.advance(2000)
  t.match(await client.next('connection:closing'), { payload: { code: 4401 } })
  t.equal(await client.closed, 4401)
})

t.test('[AU11] auth:refresh keeps the socket open, with the new expiry and the new rights', async t => {
  const clock = new FakeClock(Date.now())
  const { url, token, log } = await startApp(t, { clock })
  const first = await token('viewer', { sub: 'ann', ttlSeconds: 60, agents: ['a'] })
  const client = await connectWs(t, url, first)
  await client.request('subscribe', { topics: ['agents.>'], snapshot: false })
  t.match(await client.request('auth:refresh', { token: 'nonsense' }), { ok: false, error: { code: 'unauthorized' } })
  const bobs = await token('viewer', { sub: 'bob' })
  t.match(await client.request('auth:refresh', { token: bobs }), { ok: false, error: { code: 'forbidden' } })
  const second = await token('operator', { sub: 'ann', ttlSeconds: 3600, agents: ['b'] })
  t.match(await client.request('auth:refresh', { token: second }), { ok: true, expiresAt: Number })

  clock.advance(25_000)
  await client.request('ping')
  clock.advance(40_000)
  await client.request('ping')
  const error = (agentId: string) => ({
    type: 'agent:error',
    topic: `agents.${agentId}.log`,
    payload: { agentId, message: '' },
  })
  await log.append([error('a'), error('b')])
  t.match(await client.next('agent:error'), { topic: 'agents.b.log' })
  const result = await client.request('command:request', { agentId: 'b', kind: 'shell', input: 'true' })
  t.match(result.error, { code: 'not_found' }, 'an operator may command')
})

t.test('[AU9] revoking a token closes its sockets at once, and no others', async t => {
  const { url, token, app } = await startApp(t)
  const bad = await token('viewer', { sub: 'ann' })
  const good = await token('viewer', { sub: 'ann' })
  const [lost, alsoLost, kept] = await Promise.all([bad, bad, good].map(each => connectWs(t, url, each)))
  const { items } = await app.tokens.list({ limit: 10 })
  const { jti: badJti } = JSON.parse(Buffer.from(bad.split('.')[1]!, 'base64url').toString())
  t.ok(items.some(({ jti }) => jti === badJti))
  await app.tokens.revoke(badJti)
  t.equal(await lost!.closed, 4401)
  t.equal(await alsoLost!.closed, 4401)
  await kept!.request('ping')
})
