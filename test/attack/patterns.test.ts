import t from 'tap'
import { startApp } from '../helpers/build.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { connectWs } from '../helpers/ws-client.ts'

const many = (count: number, name: (i: number) => string) => Array.from({ length: count }, (_, i) => name(i))

t.test(
  '[SB5] [CL6] a thousand forbidden patterns are one error, and the twentieth such frame closes the connection',
  async t => {
    const { url, token } = await startApp(t, { config: { FRAME_BURST: 10_000 } })
    const client = await connectWs(t, url, await token('viewer', { sub: 'ann', agents: ['dev-*'] }))
    const forbidden = many(999, i => `agents.prod-${i}.${'x'.repeat(60)}.>`)
    t.match(await client.request('subscribe', { topics: [...forbidden, 'agents.dev-1.>'] }), {
      ok: true,
      topics: ['agents.dev-1.>'],
    })
    const errors = client.frames.filter(({ type }) => type === 'error')
    t.match(errors, [{ payload: { code: 'forbidden', details: { topics: forbidden.slice(0, 20), count: 999 } } }])
    t.match(await client.request('subscribe', { topics: [...forbidden, 'nothing..here'] }), {
      ...{ ok: false, error: { code: 'forbidden', details: { count: 999 } } },
    })
    client.send('dashboard:connect', { subscribe: forbidden })
    t.match((await client.next('error')).payload, { code: 'invalid_frame', details: { topic: 'nothing..here' } })
    t.match((await client.next('error')).payload, { code: 'forbidden', details: { count: 999 } })
    for (let i = 3; i < 20; i++) client.send('subscribe', { topics: ['agents.prod.>'] })
    t.equal(await client.closed, 4000)
  },
)

t.test('[CL6] a frame is one error, also when its patterns are refused for two reasons', async t => {
  const { url, token } = await startApp(t)
  const client = await connectWs(t, url, await token('viewer', { sub: 'ann', agents: ['dev-*'] }))
  const wrong = (n: number) => client.send('subscribe', { topics: [`agents.prod-${n}.>`, 'nothing..here'] })
  for (let n = 1; n < 20; n++) wrong(n)
  await client.request('ping')
  const codes = client.frames.filter(({ type }) => type === 'error').map(({ payload }) => payload.code)
  t.same(codes, Array(19).fill('invalid_frame'), 'the other reason is in the reply')
  wrong(20)
  t.equal(await client.closed, 4000)
})

t.test('[LM17] a frame counts once for each 64 patterns that it names', async t => {
  // The clock stands still, so that the rate limit does not refill while a slow machine reads the frames.
  const { url, token } = await startApp(t, { clock: new FakeClock(Date.now()) })
  const viewer = await token('viewer')
  for (const [type, field] of [
    ['subscribe', 'topics'],
    ['unsubscribe', 'topics'],
    ['dashboard:connect', 'subscribe'],
  ] as const) {
    const client = await connectWs(t, url, viewer)
    const topics = many(1000, i => `tasks.t${i}.>`)
    for (let i = 0; i < 14; i++) client.send(type, { [field]: topics })
    client.send('ping')
    const { payload } = await client.next(frame => frame.payload.code === 'rate_limited' || frame.type === 'pong')
    t.match(payload, { code: 'rate_limited' }, `${type}: 13 of 1,000 patterns are the burst of 200`)
    t.ok(payload.details.retryAfterMs > 10)
    await client.close()
  }
  const modest = await connectWs(t, url, viewer)
  for (let i = 0; i < 100; i++) modest.send('subscribe', { topics: many(64, n => `tasks.t${n}.>`), snapshot: false })
  await modest.request('ping')
  t.notOk(
    modest.frames.find(({ type }) => type === 'error'),
    'up to 64 patterns count as one frame',
  )
})

t.test(
  '[SB6] a pattern named twice counts once, and unsubscribing from one that was never subscribed is allowed',
  async t => {
    const { url, token } = await startApp(t)
    const client = await connectWs(t, url, await token('viewer'))
    const topics = many(500, i => `tasks.t${i % 50}.>`)
    t.match(await client.request('subscribe', { topics, snapshot: false }), { ok: true, topics: topics.slice(0, 50) })
    t.match(await client.request('unsubscribe', { topics: [...topics, 'agents.never.>', '..', '>'] }), { ok: true })
    t.match(await client.request('subscribe', { topics: many(64, i => `tasks.u${i}.>`) }), { ok: true })
  },
)
