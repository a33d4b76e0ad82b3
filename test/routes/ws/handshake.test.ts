import type { Socket } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import { startApp } from '../../helpers/build.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { request } from '../../helpers/raw.ts'
import { connectWs, refusedUpgrade } from '../../helpers/ws-client.ts'

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

t.test('[AU1] [AU6] [AU7] a socket opens only with a token of the right kind, from the right place', async t => {
  const clock = new FakeClock(Date.now())
  const { url, token, app } = await startApp(t, { clock })
  const short = await token('viewer', { ttlSeconds: 60 })
  clock.advance(61_000)
  t.match(await refusedUpgrade(`${url}/ws`), { status: 401, headers: { 'www-authenticate': 'Bearer' } })
  t.match(await refusedUpgrade(`${url}/ws`, bearer('nonsense')), { status: 401 })
  t.match(await refusedUpgrade(`${url}/ws`, bearer(short)), { status: 401 })
  t.match(await refusedUpgrade(`${url}/ws`, bearer(await token('agent'))), { status: 403 })
  const { headers } = bearer(await token('viewer'))
  t.match(await refusedUpgrade(`${url}/ws`, { headers: { ...headers, origin: 'http://evil.example' } }), {
    status: 403,
  })
  t.match(await refusedUpgrade(`${url}/ws/tasks/a.b`, { headers }), { status: 400 })
  t.match(await refusedUpgrade(`${url}/nowhere`, { headers }), { status: 404 })
  t.match(await request(`${url}/ws`, headers), { status: 400, text: /WebSocket/ })
  t.equal(app.connections.size, 0)
})

t.test('[AU6] a token that was valid a moment ago is checked again', async t => {
  const clock = new FakeClock(Date.now())
  const { url, token, app } = await startApp(t, { clock })
  const short = await token('viewer', { ttlSeconds: 60 })
  const revoked = await app.tokens.mint({ sub: 'ann', role: 'viewer' }, 'test')
  if (revoked.status !== 'minted') throw new Error(revoked.status)
  for (const good of [short, revoked.token]) await connectWs(t, url, good)
  await app.tokens.revoke(revoked.jti)
  clock.advance(61_000)
  for (const bad of [short, revoked.token]) {
    t.match(await refusedUpgrade(`${url}/ws`, bearer(bad)), { status: 401 })
    t.match(await request(`${url}/api/v1/agents`, bearer(bad).headers), { status: 401 })
  }
})

t.test('the upgrade response and the first frame are sent in one write', async t => {
  const { url, token, app } = await startApp(t)
  const writes: string[] = []
  app.server.on('connection', (socket: Socket) => {
    const handle = (socket as unknown as { _handle: Record<string, unknown> })._handle
    for (const name of ['writev', 'writeBuffer', 'writeUtf8String', 'writeLatin1String']) {
      const write = handle[name] as (...args: unknown[]) => unknown
      handle[name] = (...args: unknown[]) => {
        writes.push(name)
        return write.apply(handle, args)
      }
    }
  })
  const client = await connectWs(t, url, await token('viewer'))
  t.same(writes, ['writev'])
  await client.request('ping')
})

t.test('an upgrade that arrives after all sockets were closed is refused, not left without a response', async t => {
  let url = ''
  let refused: { status: number } | undefined
  const server = await startApp(t, {
    extend: app =>
      void app.addHook('preClose', async () => {
        refused = await refusedUpgrade(`${url}/ws`, bearer(await server.token('viewer')))
      }),
  })
  url = server.url
  await server.app.close()
  t.match(refused, { status: 503 })
})

t.test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test('[AU4] a browser’s token is sent as a subprotocol and never echoed', async t => {
    const { url, token } = server
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, ['fleetwire.v1', `bearer.${await token('viewer')}`])
    t.teardown(() => socket.terminate())
    await new Promise(resolve => socket.on('open', resolve))
    t.equal(socket.protocol, 'fleetwire.v1')
  })

  await t.test('[LV3] heartbeats and pings of a client are answered', async t => {
    const { url, token } = server
    const client = await connectWs(t, url, await token('viewer'))
    client.send('heartbeat', { timestamp: 5 })
    const { payload } = await client.next(({ type, payload }) => type === 'heartbeat' && payload.echo !== undefined)
    t.match(payload, { timestamp: Number, echo: 5 })
    client.send('ping', {})
    await client.next('pong')
  })

  await t.test('admins see connections open and close', async t => {
    const { url, token } = server
    const admin = await connectWs(t, url, await token('admin'))
    await admin.request('subscribe', { topics: ['system.>'] })
    const other = await connectWs(t, url, await token('viewer', { sub: 'bob' }))
    const opened = await admin.next(({ type, payload }) => type === 'connection:opened' && payload.sub === 'bob')
    await other.close()
    const closed = await admin.next('connection:closed')
    t.match(closed.payload, { connectionId: opened.payload.connectionId, sub: 'bob', role: 'viewer', code: 1005 })
  })
})

t.test('the greeting says who is connected and what the limits are', async t => {
  const { url, token, app } = await startApp(t, { config: { FRAME_RATE: 50 } })
  const client = await connectWs(t, url, await token('operator', { sub: 'ann' }))
  t.match(client.frames[0], {
    type: 'connection:established',
    payload: {
      connectionId: /^con_/,
      userId: 'ann',
      role: 'operator',
      resumed: false,
      cursor: String,
      heartbeatMs: 30_000,
      limits: { frameRate: 50, maxPatterns: 64 },
    },
  })
  const [connection] = app.connections.ofSub('ann')
  t.equal(connection?.id, client.frames[0]!.payload.connectionId)
  t.match(app.connections.stats(), { connections: 1, dashboards: 1, agents: 0 })
  await client.close()
})

t.test('[LM5] one socket too many gets 503 for the node and 429 for its subject', async t => {
  const { url, token } = await startApp(t, { config: { MAX_CONNECTIONS: 3, MAX_CONNECTIONS_PER_PRINCIPAL: 2 } })
  const ann = await token('viewer', { sub: 'ann' })
  await connectWs(t, url, ann)
  const second = await connectWs(t, url, ann)
  const refused = await refusedUpgrade(`${url}/ws`, bearer(ann))
  t.match(refused, { status: 429, headers: { 'retry-after': '5' } })
  t.match(JSON.parse(refused.body), { statusCode: 429, code: 'rate_limited' })
  await connectWs(t, url, await token('viewer', { sub: 'bob' }))
  t.match(await refusedUpgrade(`${url}/ws`, bearer(await token('viewer', { sub: 'cyd' }))), {
    status: 503,
    headers: { 'retry-after': '5' },
  })
  await second.close()
  await connectWs(t, url, ann)
})
