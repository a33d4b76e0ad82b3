import { test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { openLog } from '../helpers/log-folder.ts'

test('[RE9] a running server is healthy and ready, and needs no token to say so', async t => {
  const { call } = await startApp(t)
  t.match(await call(undefined, 'GET', '/health'), {
    status: 200,
    body: { status: 'ok', version: /^\d/, uptimeMs: Number },
  })
  t.match(await call(undefined, 'GET', '/ready'), { status: 200, body: { ready: true, store: 'ok' } })
})

test('[RE6] a server whose log cannot accept events is healthy but not ready, and refuses what it would have to store', async t => {
  const { call, log, token } = await startApp(t)
  const admin = await token('admin')
  await log.close()
  t.match(await call(undefined, 'GET', '/health'), { status: 200 })
  t.match(await call(undefined, 'GET', '/ready'), { status: 503, body: { ready: false, store: /closed/ } })
  const refused = await call(admin, 'POST', '/api/v1/tokens', { sub: 'x', role: 'viewer' })
  t.match(refused, { status: 503, body: { code: 'unavailable' } })
  t.ok(Number(refused.headers.get('retry-after')) > 0)
})

test('a draining server is not ready but still answers', async t => {
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

test('[RE25] a server with a full disk is not ready, says why once, and recovers without help', async t => {
  const clock = new FakeClock(Date.now())
  const retention = { count: 1e9, ms: 1e12 }
  const log = await openLog(t, { clock, maxFileBytes: 2_000_000, retention })
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const { call } = await startApp(t, { eventLog: log, clock, logger: { stream } })
  const ready = () => call<{ ready: boolean; store: string }>(undefined, 'GET', '/ready')
  t.equal((await ready()).status, 200)
  for (let bytes = 100_000; bytes > 50; ) {
    const appended = await log.append([{ type: 'custom:x', topic: 'tasks.t1.events', payload: 'x'.repeat(bytes) }])
    if (appended.status !== 'ok') bytes = Math.floor(bytes / 2)
  }
  clock.advance(3000)
  const full = await Promise.all(Array.from({ length: 20 }, ready))
  for (const { status, body } of full) t.match({ status, body }, { status: 503, body: { ready: false, store: /full/ } })
  t.equal(lines.filter(line => line.includes('the store accepts no writes')).length, 1)
  const head = log.head
  await Promise.all(Array.from({ length: 20 }, ready))
  t.equal(log.head, head, 'a second check within two seconds writes nothing')

  retention.count = 1
  await log.retain()
  clock.advance(3000)
  t.match(await ready(), { status: 200, body: { ready: true, store: 'ok' } })
  t.ok(lines.some(line => line.includes('the store accepts writes again')))
})
