import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { startApp } from '../../helpers/build.ts'
import { size } from '../../helpers/sizes.ts'
import { connectWs, refusedUpgrade } from '../../helpers/ws-client.ts'

const bearer = (token: string, from?: string) => ({
  headers: { authorization: `Bearer ${token}`, ...(from !== undefined && { 'x-forwarded-for': from }) },
})

t.test('[LM8] [LM9] a flood over many sockets of one subject gets rate_limited with a hint, then 4429', async t => {
  const config = { FRAME_RATE: 1000, FRAME_BURST: 1000, FRAME_RATE_PER_PRINCIPAL: 10 }
  const { app, url, token } = await startApp(t, { config })
  const ann = await token('viewer', { sub: 'ann' })
  const [first, second] = [await connectWs(t, url, ann), await connectWs(t, url, ann)]
  const bystander = await connectWs(t, url, await token('viewer', { sub: 'bob' }))
  for (let i = 0; i < 20; i++) first.send('ping')
  for (let i = 0; i < 20; i++) await first.next('pong')
  for (let i = 0; i < 100; i++) second.send('ping')
  const { payload } = await second.next('error')
  t.match(payload, { code: 'rate_limited', retryable: true, message: /of this token subject/ })
  t.ok(payload.details.retryAfterMs > 0)
  t.equal(await second.closed, 4429)
  t.ok((await bystander.request('ping')).timestamp, 'others are still served')
  t.ok((app.refusals.counts().get('frames_per_principal') ?? 0) >= 20)
})

t.test(
  '[LM10] [LM12] upgrades are limited by address before the token is checked, behind a proxy by the forwarded address',
  async t => {
    const config = { UPGRADE_RATE: 1, UPGRADE_BURST: 2, TRUST_PROXY: 'loopback' }
    const { app, url, token } = await startApp(t, { config })
    for (const from of ['192.0.2.1', '192.0.2.1']) {
      t.match(await refusedUpgrade(`${url}/ws`, bearer('bad', from)), { status: 401 })
    }
    const viewer = await token('viewer')
    const refused = await refusedUpgrade(`${url}/ws`, bearer(viewer, '192.0.2.1'))
    t.match(refused, { status: 429, headers: { 'retry-after': '1' } })
    t.match(JSON.parse(refused.body), { code: 'rate_limited' })
    t.match(await refusedUpgrade(`${url}/ws`, bearer('bad', '2001:db8::1')), { status: 401 })
    t.match(await refusedUpgrade(`${url}/ws`, bearer('bad', '2001:db8::2')), { status: 401 })
    t.match(
      await refusedUpgrade(`${url}/ws`, bearer(viewer, '2001:db8::3')),
      { status: 429 },
      'one /64 counts as one address',
    )
    await connectWs(t, url, viewer)
    t.equal(app.refusals.counts().get('upgrades_per_address'), 2)
    t.equal(app.connections.list()[0]?.address, '127.0.0.1')
  },
)

t.test('[LM12] without a trusted proxy, a client cannot claim another address', async t => {
  const { url } = await startApp(t, { config: { UPGRADE_RATE: 1, UPGRADE_BURST: 1 } })
  t.match(await refusedUpgrade(`${url}/ws`, bearer('bad', '192.0.2.1')), { status: 401 })
  t.match(await refusedUpgrade(`${url}/ws`, bearer('bad', '192.0.2.2')), { status: 429 })
})

t.test('[LM10] upgrades are limited by token subject', async t => {
  const { app, url, token } = await startApp(t, { config: { UPGRADE_RATE: 1, UPGRADE_BURST: 2, TRUST_PROXY: 'true' } })
  const ann = await token('viewer', { sub: 'ann' })
  for (const from of ['192.0.2.1', '192.0.2.2']) await connectWs(t, url, ann, '/ws', { 'x-forwarded-for': from })
  t.match(await refusedUpgrade(`${url}/ws`, bearer(ann, '192.0.2.3')), { status: 429 })
  await connectWs(t, url, await token('viewer', { sub: 'bob' }))
  t.equal(app.refusals.counts().get('upgrades_per_principal'), 1)
})

t.test(
  '[LM11] a connection storm is admitted at the rate while commands proceed; waiting clients that leave are forgotten',
  async t => {
    const count = size('STORM_SOCKETS', { quick: 300, full: 300 })
    const rate = Math.max(200, count / 10)
    const config = { ADMISSION_RATE: rate, MAX_CONNECTIONS_PER_PRINCIPAL: count, QUEUE_LIMIT: 100_000 }
    const { app, url, token, call } = await startApp(t, { config })
    const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
    agent.send('agent:connect', { bootId: 'b', inventory: [] })
    await agent.next('connection:established')
    const [viewer, operator] = [await token('viewer'), await token('operator')]
    const startedAt = performance.now()
    let isOver = false
    const storm = Promise.all(Array.from({ length: count }, () => connectWs(t, url, viewer))).then(clients => {
      isOver = true
      return clients
    })
    // On a busy machine they may arrive so slowly that none ever waits.
    while (app.upgrades.waiting < 100 && !isOver) await new Promise(resolve => setImmediate(resolve))
    let submitted = 0
    do {
      const allowed = rate / 10 + ((performance.now() - startedAt) / 1000) * rate + 1
      t.ok(app.connections.size - 1 <= allowed, `${app.connections.size - 1} of at most ${allowed} are connected`)
      t.equal((await call(operator, 'POST', '/api/v1/agents/a1/commands', { kind: 'shell', input: 'x' })).status, 202)
      submitted++
      await setTimeout(10)
    } while (!isOver)
    await storm
    t.ok(submitted >= 1, `${submitted} commands were submitted in the meantime`)
    t.equal(app.connections.size, count + 1)
    t.equal(app.upgrades.waiting, 0)
  },
)

t.test('[LM11] [CL4] a closing server refuses the upgrades that wait', async t => {
  const { app, url, token } = await startApp(t, { config: { ADMISSION_RATE: 1 } })
  const viewer = await token('viewer')
  const first = await connectWs(t, url, viewer)
  const waiting = [1, 2].map(() => refusedUpgrade(`${url}/ws`, bearer(viewer)))
  while (app.upgrades.waiting < 2) await new Promise(resolve => setImmediate(resolve))
  const closed = app.close()
  for (const refused of await Promise.all(waiting)) t.match(refused, { status: 503, headers: { 'retry-after': '1' } })
  t.equal(await first.closed, 1012)
  await closed
})
