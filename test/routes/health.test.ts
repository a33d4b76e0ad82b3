import { test } from 'tap'
import { startApp } from '../helpers/build.ts'

test('[RE9] a running server is healthy and ready, for anybody', async t => {
  const { call } = await startApp(t)
  t.match(await call(undefined, 'GET', '/health'), {
    status: 200,
    body: { status: 'ok', version: /^\d/, uptimeMs: Number },
  })
  t.match(await call(undefined, 'GET', '/ready'), { status: 200, body: { ready: true, store: 'ok' } })
})

test('[RE6] a server whose log cannot accept is healthy and not ready, and refuses what it would have to store', async t => {
  const { call, log, token } = await startApp(t)
  const admin = await token('admin')
  await log.close()
  t.match(await call(undefined, 'GET', '/health'), { status: 200 })
  t.match(await call(undefined, 'GET', '/ready'), { status: 503, body: { ready: false, store: /closed/ } })
  const refused = await call(admin, 'POST', '/api/v1/tokens', { sub: 'x', role: 'viewer' })
  t.match(refused, { status: 503, body: { code: 'unavailable' } })
  t.ok(Number(refused.headers.get('retry-after')) > 0)
})

test('while it drains, a server is not ready and still answers', async t => {
  const during: unknown[] = []
  const { app, call, token } = await startApp(t, {
    extend: app => {
      app.addHook('preClose', async () => {
        during.push(await call(undefined, 'GET', '/ready'), await call(admin, 'GET', '/api/v1/tokens'))
      })
    },
  })
  const admin = await token('admin')
  await app.close()
  t.match(during, [{ status: 503, body: { ready: false, store: 'draining' } }, { status: 200 }])
})
