import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { Capture } from '../helpers/capture.ts'

test('[RE6] each principal has its own limit; above it: 429 with Retry-After', async t => {
  const { call, token } = await startApp(t, { config: { REST_RATE: 3 } })
  const [ann, bob] = [await token('admin', { sub: 'ann' }), await token('admin', { sub: 'bob' })]
  const second = await token('admin', { sub: 'ann' })
  for (const mine of [ann, second, ann]) t.equal((await call(mine, 'GET', '/api/v1/tokens')).status, 200)
  const over = await call(second, 'GET', '/api/v1/tokens')
  t.match(over, { status: 429, body: { statusCode: 429, code: 'rate_limited', message: /More than 3 requests/ } })
  t.ok(Number(over.headers.get('retry-after')) > 0)
  t.equal((await call(bob, 'GET', '/api/v1/tokens')).status, 200)
})

test('guessing tokens is limited by address, and health probes are not limited', async t => {
  const { call, token } = await startApp(t, { config: { REST_RATE: 3 } })
  const tries = ['a', 'b', undefined, 'c'].map(bad => () => call(bad, 'GET', '/api/v1/tokens'))
  const statuses = []
  for (const attempt of tries) statuses.push((await attempt()).status)
  t.same(statuses, [401, 401, 401, 429])
  t.equal((await call(undefined, 'GET', '/nowhere')).status, 429, 'unknown paths are not free either')
  t.equal((await call(undefined, 'GET', '/health')).status, 200)
  t.equal((await call(undefined, 'GET', '/ready')).status, 200)
  t.equal(
    (await call(await token('admin'), 'GET', '/api/v1/tokens')).status,
    200,
    'a valid principal at that address is served',
  )
})

test('a peer that leaves before it is counted causes no internal error', async t => {
  const stream = new Capture()
  const { app, url } = await startApp(t, { logger: { stream } })
  // The address is no longer available once the socket is destroyed.
  app.server.prependListener('request', request => request.socket.destroy())
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('GET /api/v1/agents HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'close')
  await app.close()
  t.notMatch(stream.text, 'request failed')
})
