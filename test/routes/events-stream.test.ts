import { execFile } from 'node:child_process'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startApp } from '../helpers/build.ts'
import { said, taskSaid } from '../helpers/events.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { openLog } from '../helpers/log-folder.ts'
import { openStream, type SseClient } from '../helpers/sse-client.ts'

const messages = ({ events }: SseClient) =>
  events.filter(({ event }) => event === 'agent:error').map(({ data }) => data.payload.message)
const turn = () => new Promise(resolve => setImmediate(resolve))

t.test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test(
    '[RE8] [RE15] a stream starts with records and continues with events, each with type, cursor and event',
    async t => {
      const { app, url, token, log, call } = server
      const admin = await token('admin')
      await log.append([taskSaid('t', 'now')])
      const stream = await openStream(t, url, await token('viewer'), { query: '?topics=tasks.>,agents.*.log' })
      t.match(stream.response, {
        statusCode: 200,
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store, no-transform' },
      })
      const snapshot = await stream.next('snapshot')
      t.match(snapshot.data, { topics: ['tasks.>', 'agents.*.log'], records: [{ payload: { message: 'now' } }] })
      t.equal(snapshot.id, snapshot.data.cursor)
      await log.append([said('a', 'line\n\nbreaks')])
      const { id, data } = await stream.next('agent:error')
      t.match(data, {
        type: 'agent:error',
        topic: 'agents.a.log',
        cursor: id,
        at: Number,
        payload: { message: 'line\n\nbreaks' },
      })

      const listed = await call<{ items: { connectionId: string }[] }>(admin, 'GET', '/api/v1/connections')
      t.match(listed.body.items, [{ kind: 'stream', sub: 'viewer' }])
      t.match(app.connections.stats(), { connections: 1, streams: 1, dashboards: 0 })
      await call(admin, 'DELETE', `/api/v1/connections/${listed.body.items[0]!.connectionId}`)
      t.match(await stream.next('connection:closing'), { data: { code: 4403 } })
      await stream.ended
      while (app.connections.size > 0) await turn()
      t.equal(app.broadcaster.stats().subscribers, 0)
    },
  )

  await t.test(
    '[RE8] [RS1] a stream that is cut repeatedly resumes with Last-Event-ID: every event once, in order',
    async t => {
      const { url, token, log } = server
      const viewer = await token('viewer')
      const query = '?topics=agents.*.log&snapshot=false'
      const got: string[] = []
      let lastEventId = (await openStream(t, url, viewer, { query }).then(async first => {
        while (first.lastEventId === '') await first.change()
        first.response.destroy()
        return first.lastEventId
      })) as string
      for (let round = 0; round < 20; round++) {
        await log.append([said('a', `${round} away`)])
        const stream = await openStream(t, url, viewer, { query, lastEventId })
        const meanwhile = log.append([said('a', `${round} replaying`), taskSaid('t', 'not asked for')])
        await stream.next('resume:done')
        await meanwhile
        await log.append([said('a', `${round} live`)])
        while (messages(stream).at(-1) !== `${round} live`) await stream.change()
        got.push(...messages(stream))
        lastEventId = stream.lastEventId
        stream.response.destroy()
      }
      t.same(
        got,
        Array.from({ length: 20 }, (_, i) => ['away', 'replaying', 'live'].map(when => `${i} ${when}`)).flat(),
      )
    },
  )

  await t.test('[RE12] [PM5] the rights of the token apply, and they are checked before the stream starts', async t => {
    const { url, token, log } = server
    const narrow = await token('viewer', { agents: ['mine'] })
    t.equal((await openStream(t, url, 'bad')).response.statusCode, 401)
    t.equal((await openStream(t, url, narrow, { query: '?topics=agents.other.log' })).response.statusCode, 403)
    t.equal((await openStream(t, url, narrow, { query: '?topics=..' })).response.statusCode, 400)
    t.equal((await openStream(t, url, await token('agent'))).response.statusCode, 403)
    const stream = await openStream(t, url, narrow)
    await stream.next('snapshot')
    await log.append([said('other', 'no'), said('mine', 'yes')])
    await stream.next('agent:error')
    t.same(messages(stream), ['yes'])
    const byQuery = await openStream(t, url, undefined, { query: `?token=${narrow}` })
    t.equal(byQuery.response.statusCode, 200, 'the EventSource of browsers sends no headers')
  })

  await t.test('[RE8] curl -N shows events as they arrive', async t => {
    const { url, token, log } = server
    const curl = execFile('curl', [
      ...['-sN', '--max-time', '20', '-H', `Authorization: Bearer ${await token('viewer')}`],
      `${url}/api/v1/events/stream?topics=agents.*.log`,
    ])
    t.teardown(() => curl.kill())
    const failed = new Promise(resolve => curl.on('error', resolve))
    const shown = (async () => {
      let text = ''
      let isAsked = false
      for await (const chunk of curl.stdout!) {
        text += chunk
        if (!isAsked && text.includes('event: snapshot')) {
          isAsked = true
          await log.append([said('a', 'hello')])
        }
        if (text.includes('hello')) return text
      }
      return text
    })()
    const first = await Promise.race([shown, failed])
    if (first instanceof Error) return t.comment('curl is not available')
    t.match(first, /event: agent:error\nid: \S+\ndata: \{"type":"agent:error",.*hello/)
  })
})

t.test('[RE8] [RS2] a stream that cannot be resumed gets resync with the reason, then a snapshot', async t => {
  const log = await openLog(t, { clock: systemClock, retention: { count: 5, ms: 1e12 } })
  const { url, token } = await startApp(t, { eventLog: log })
  const viewer = await token('viewer')
  await log.append([said('a', 'first')])
  const old = log.head
  for (let i = 0; i < 20; i++) await log.append([taskSaid('t', `${i}`)])
  await log.retain()
  for (const [lastEventId, reason] of [
    [old, 'expired'],
    ['abc.1', 'epoch'],
    ['nonsense', 'malformed'],
  ] as const) {
    const stream = await openStream(t, url, viewer, { query: '?topics=tasks.>', lastEventId })
    await stream.next('snapshot')
    t.match(stream.events, [
      { event: 'resync', data: { topics: ['tasks.>'], reason } },
      { event: 'snapshot', data: { records: [{ payload: { message: '19' } }] } },
    ])
    t.equal(stream.lastEventId, stream.events[1]!.data.cursor)
  }
})

t.test('[RE14] idle streams are kept alive; a revoked token or a closing server ends them', async t => {
  const clock = new FakeClock(Date.now())
  const { app, url, token } = await startApp(t, { clock })
  const stream = await openStream(t, url, await token('viewer'))
  await stream.next('snapshot')
  for (let i = 1; i <= 3; i++) {
    clock.advance(30_000)
    while (stream.comments < i) await stream.change()
  }
  await app.tokens.revokeSubject('viewer', 'test')
  t.match(await stream.next('connection:closing'), { data: { code: 4401, reason: 'token revoked' } })
  const second = await openStream(t, url, await token('admin'))
  await second.next('snapshot')
  const closed = app.close()
  t.match(await second.next('connection:closing'), { data: { code: 1012, reconnectAfterMs: Number } })
  t.type(second.retryMs, 'number')
  await Promise.all([second.ended, stream.ended])
  await closed
})

t.test(
  '[RE14] [OB5] a stream that nobody reads is closed with 4508 at its limit; the others get everything',
  async t => {
    const { app, url, token, log } = await startApp(t, { config: { OUTBOX_LIMIT_BYTES: 256 * 1024 } })
    const query = '?topics=agents.*.log&snapshot=false'
    const frozen = await openStream(t, url, await token('viewer', { sub: 'frozen' }), { query })
    frozen.response.pause()
    frozen.response.socket.pause()
    const reader = await openStream(t, url, await token('viewer', { sub: 'reader' }), { query })
    const text = 'x'.repeat(20_000)
    let sent = 0
    let most = 0
    for (; sent < 3000 && app.connections.ofSub('frozen')[0]?.isOpen; sent++) {
      await log.append([said('a', `${sent} ${text}`)])
      most = Math.max(most, app.connections.ofSub('frozen')[0]?.bufferedBytes ?? 0)
    }
    t.ok(sent < 3000, `ended after ${sent} events`)
    t.ok(most < 256 * 1024 + 2 * 21_000, `at most ${most} bytes were buffered`)
    while (messages(reader).length < sent) await reader.change()
    t.same(
      messages(reader).map(message => Number.parseInt(message, 10)),
      Array.from({ length: sent }, (_, i) => i),
    )
    frozen.response.destroy()
    while (app.connections.ofSub('frozen').length > 0) await turn()
    t.match(app.connections.stats().closedByCode, { 4508: 1 })
  },
)
