import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startApp, type TestApp, type TokenOptions } from '../helpers/build.ts'
import { said, stored, taskSaid } from '../helpers/events.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { openLog } from '../helpers/log-folder.ts'
import { Watcher } from '../helpers/watcher.ts'
import { connectWs, type WireFrame, type WsClient } from '../helpers/ws-client.ts'

const DAY = 86_400_000

const events = ({ frames }: WsClient): WireFrame[] => frames.filter(({ topic }) => topic !== undefined)
const words = (client: WsClient): string[] => events(client).map(({ payload }) => payload.message)

/** Reconnects with the cursor, like a client whose socket was lost. */
async function comeBack(
  t: Test,
  app: TestApp,
  { cursor, patterns, rights }: { cursor: string; patterns: string[]; rights?: TokenOptions },
) {
  const client = await connectWs(t, app.url, await app.token('viewer', rights))
  client.send('dashboard:connect', { resume: { cursor }, subscribe: patterns }, 'c')
  const { payload: answer } = await client.next(({ id, type }) => id === 'c' && type === 'connection:established')
  return { client, answer }
}

t.test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test('[EV6] [RS1] a client can resume from a cursor before the first event', async t => {
    const app = server
    const first = await connectWs(t, app.url, await app.token('viewer'))
    const { cursor } = first.frames[0]!.payload
    first.socket.terminate()
    const idle = await comeBack(t, app, { cursor, patterns: ['agents.>'] })
    t.match(idle.answer, { resumed: true, cursor })
    const done = await idle.client.next('resume:done')
    idle.client.socket.terminate()
    await app.log.append([said('a', 'first'), taskSaid('t', 'not asked for'), said('a', 'second')])
    for (const from of [cursor, done.payload.cursor]) {
      const { client, answer } = await comeBack(t, app, { cursor: from, patterns: ['agents.>'] })
      t.match(answer, { resumed: true })
      await client.next('resume:done')
      t.same(words(client), ['first', 'second'])
    }
  })

  await t.test('[RS1] the patterns of the resume apply, not earlier ones', async t => {
    const app = server
    const first = await connectWs(t, app.url, await app.token('viewer'))
    first.send('subscribe', { topics: ['agents.a.>', 'tasks.>'] })
    const { cursor } = (await first.next('snapshot')).payload
    first.socket.terminate()
    await app.log.append([said('a', 'a1'), said('b', 'b1'), taskSaid('t', 't1'), said('b', 'b2'), said('a', 'a2')])
    const { client } = await comeBack(t, app, { cursor, patterns: ['agents.b.>', 'agents.*.log'] })
    await client.next('resume:done')
    t.same(words(client), ['a1', 'b1', 'b2', 'a2'])
    const fewer = await comeBack(t, app, { cursor, patterns: ['agents.b.log'] })
    await fewer.client.next('resume:done')
    await app.log.append([taskSaid('t', 't2'), said('a', 'a3'), said('b', 'b3')])
    await fewer.client.next(({ payload }) => payload.message === 'b3')
    t.same(words(fewer.client), ['b1', 'b2', 'b3'])
    const none = await comeBack(t, app, { cursor, patterns: [] })
    t.match(none.answer, { resumed: true })
    await none.client.next('resume:done')
    t.same(words(none.client), [])
  })

  await t.test(
    '[RS3] [PM5] [PM7] a resume uses the rights of its own token: what that token may not see is left out',
    async t => {
      const app = server
      const patterns = ['agents.>', 'agents.prod-1.log', 'users.ann.inbox']
      const first = await connectWs(t, app.url, await app.token('viewer', { sub: 'ann' }))
      first.send('subscribe', { topics: patterns })
      const { cursor } = (await first.next('snapshot')).payload
      first.socket.terminate()
      const note = (sub: string) => ({
        type: 'custom:note',
        topic: `users.${sub}.inbox`,
        payload: { message: `for ${sub}` },
      })
      await app.log.append([said('dev-1', 'd1'), said('prod-1', 'p1'), note('ann'), said('dev-2', 'd2')])
      const rights = { sub: 'bob', agents: ['dev-*'] }
      const { client, answer } = await comeBack(t, app, { cursor, patterns, rights })
      t.match(answer, { resumed: true, userId: 'bob' })
      await client.next('resume:done')
      await app.log.append([said('prod-1', 'p2'), note('ann'), note('bob'), said('dev-1', 'd3')])
      await client.next(({ payload }) => payload.message === 'd3')
      t.same(words(client), ['d1', 'd2', 'd3'])
      const refused = client.frames.filter(({ type }) => type === 'error')
      t.same(
        refused.map(({ payload }) => [payload.code, payload.details.topics]),
        [['forbidden', ['agents.prod-1.log', 'users.ann.inbox']]],
      )
    },
  )
})

t.test('[EV6] a cursor stays valid while nothing happens, and also as the last of many', async t => {
  const clock = new FakeClock(Date.now())
  const log = await openLog(t, { clock, retention: { count: 1e6, ms: 7 * DAY } })
  const app = await startApp(t, { clock, eventLog: log })
  const watcher = await connectWs(t, app.url, await app.token('viewer'))
  watcher.send('subscribe', { topics: ['agents.>'] })
  await watcher.next('snapshot')
  await app.log.append(Array.from({ length: 50 }, (_, i) => said('a', `${i}`)))
  const { cursor } = (await watcher.next(({ payload }) => payload.message === '49')) as { cursor: string }
  watcher.socket.terminate()
  clock.jump(6 * DAY)
  await log.retain()
  const { client, answer } = await comeBack(t, app, { cursor, patterns: ['agents.>'] })
  t.match(answer, { resumed: true, cursor })
  await client.next('resume:done')
  await app.log.append([said('a', 'at last')])
  await client.next('agent:error')
  t.same(words(client), ['at last'])
})

t.test('[RS1] dashboards resume on a new server over the same folder and miss nothing in between', async t => {
  const config = { DATA_DIR: t.testdir() }
  const first = await startApp(t, { config })
  const token = await first.token('viewer')
  const watchers = [['agents.>'], ['tasks.>'], ['>']].map(
    patterns => new Watcher({ url: first.url, token, patterns, offlineMs: 20 }),
  )
  t.teardown(() => watchers.map(({ client }) => client.close()))
  await Promise.all(watchers.map(watcher => watcher.ready()))
  const from = first.log.head
  const some = (when: string) => [said('a', when), taskSaid('t', when)]
  await first.log.append(some('before'))
  watchers[0]!.wire.cut()
  await first.log.append(some('with one away'))
  await first.app.close()
  const second = await startApp(t, {
    config,
    port: Number(new URL(first.url).port),
    extend: async app => void (await app.eventLog.append(some('before anybody is back'))),
  })
  await second.log.append(some('after'))

  const kept = await stored(second.log, from)
  for (const [i, root] of ['agents.', 'tasks.', ''].entries()) {
    const due = kept.filter(({ topic }) => topic.startsWith(root) && topic !== 'system.connections')
    t.equal(due.length, root === '' ? 8 : 4)
    const cursors = due.map(({ cursor }) => cursor)
    await watchers[i]!.reached(cursors)
    t.equal(watchers[i]!.flaw(cursors), undefined)
    t.same(watchers[i]!.resyncs, [])
  }
})

t.test(
  '[RS2] a cursor beyond retention gets the reason, a snapshot and later events, but no partial replay',
  async t => {
    const log = await openLog(t, { clock: systemClock, retention: { count: 20, ms: 7 * DAY } })
    const app = await startApp(t, { eventLog: log })
    await app.log.append([taskSaid('t', 'at the start')])
    const sdk = new Watcher({
      url: app.url,
      token: await app.token('viewer'),
      patterns: ['tasks.>'],
      offlineMs: 300_000,
    })
    t.teardown(() => sdk.client.close())
    await sdk.ready()
    const cursor = sdk.client.cursor!
    sdk.wire.cut()
    for (let i = 0; i < 100; i++) await app.log.append([taskSaid('t', `${i}`)])
    await log.retain()

    const { client, answer } = await comeBack(t, app, { cursor, patterns: ['tasks.>'] })
    t.match(answer, { resumed: false, reason: 'expired' })
    const snapshot = await client.next('snapshot')
    t.match(snapshot.payload.records, [{ topic: 'tasks.t.status', payload: { message: '99' } }])
    t.same(events(client), [], 'no events before the snapshot')

    sdk.client.reconnectNow()
    await sdk.snapshots.until(({ length }) => length === 2)
    t.same(sdk.resyncs, ['expired'])
    t.match(sdk.snapshots.items[1], [{ payload: { message: '99' } }])
    await app.log.append([taskSaid('t', 'on and on')])
    await client.next('task:progress')
    t.same(words(client), ['on and on'])
    await sdk.cursors.until(({ length }) => length > 0)
    t.same(sdk.cursors.items, [events(client)[0]!.cursor])
  },
)
