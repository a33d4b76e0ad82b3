import type { EventPage } from '@fleetwire/protocol'
import type { Static } from '@sinclair/typebox'
import { test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { said, stored, taskSaid } from '../helpers/events.ts'
import { openLog } from '../helpers/log-folder.ts'
import { connectWs } from '../helpers/ws-client.ts'

type Page = Static<typeof EventPage>
const numbers = ({ items }: Page) => items.map(({ payload }) => (payload as { message: string }).message)

test('[RE11] history is paged in both directions without gaps, with the cursors that sockets use', async t => {
  const { call, token, log } = await startApp(t)
  const viewer = await token('viewer')
  const get = async (query: string) => (await call<Page>(viewer, 'GET', `/api/v1/events?${query}`)).body
  const start = log.head
  for (let i = 0; i < 7; i++) await log.append([said('a', `${i}`), taskSaid('t', `of ${i}`)])

  const newest = await get('topics=agents.*.log&limit=3')
  t.same(numbers(newest), ['6', '5', '4'])
  const older = await get(`topics=agents.*.log&limit=3&before=${newest.nextCursor}`)
  t.same(numbers(older), ['3', '2', '1'])
  const oldest = await get(`topics=agents.*.log&limit=3&before=${older.nextCursor}`)
  t.same([numbers(oldest), oldest.nextCursor], [['0'], null])

  const first = await get(`topics=agents.*.log&limit=4&after=${start}`)
  t.same(numbers(first), ['0', '1', '2', '3'])
  const rest = await get(`topics=agents.*.log&limit=4&after=${first.nextCursor}`)
  t.same([numbers(rest), rest.nextCursor], [['4', '5', '6'], null])
  t.equal(rest.cursor, log.head)
  await log.append([said('a', 'later')])
  t.same(numbers(await get(`topics=agents.*.log&after=${rest.cursor}`)), ['later'])

  const both = await get(`topics=agents.a.log,tasks.t.status&after=${start}&limit=2`)
  t.match(both.items, [
    { type: 'agent:error', topic: 'agents.a.log', at: Number, payload: { agentId: 'a', message: '0' } },
    { type: 'task:progress', topic: 'tasks.t.status', cursor: both.cursor },
  ])
})

test('[RE7] [RE12] unusable cursors and invalid queries are refused', async t => {
  const log = await openLog(t, { retention: { count: 5, ms: 1e12 } })
  const { call, token } = await startApp(t, { eventLog: log })
  const viewer = await token('viewer')
  const get = (query: string) => call(viewer, 'GET', `/api/v1/events?${query}`)
  await log.append([said('a', 'first')])
  const old = log.head
  for (let i = 0; i < 20; i++) await log.append([said('a', `${i}`)])
  await log.retain()
  t.match(await get(`after=${old}`), { status: 410, body: { code: 'cursor_gone', message: /expired/ } })
  t.match(await get('after=abc.1'), { status: 410, body: { code: 'cursor_gone', message: /epoch/ } })
  t.match(
    await get(`before=${old}`),
    { status: 200, body: { items: [], nextCursor: null } },
    'paging backwards never expires',
  )
  for (const query of ['after=no', 'before=%00', `after=${old}&before=${old}`, 'topics=a..b', 'limit=0', 'offset=1']) {
    t.match(await get(query), { status: 400, body: { code: 'invalid_request' } }, query)
  }
  const many = Array.from({ length: 65 }, (_, i) => `agents.a${i}.log`)
  t.match(await get(`topics=${many}`), { status: 400, body: { code: 'subscription_limit' } })
})

test('[RE12] [PM5] [PM7] history shows only what the token may see', async t => {
  const { call, token, log } = await startApp(t)
  const narrow = await token('viewer', { sub: 'ann', agents: ['mine'] })
  await log.append([said('mine', 'yes'), said('other', 'no'), said('mine', 'too')])
  await log.append([{ type: 'custom:x', topic: 'users.bob.inbox', payload: { message: 'no' } }])
  await log.append([{ type: 'custom:x', topic: 'users.ann.inbox', payload: { message: 'hers' } }])
  const get = (query: string) => call<Page>(narrow, 'GET', `/api/v1/events${query}`)
  t.same(numbers((await get('')).body), ['hers', 'too', 'yes'])
  t.match(await get('?topics=agents.other.log'), { status: 403, body: { code: 'forbidden' } })
  t.match(await get('?topics=users.bob.inbox'), { status: 403 })
  t.match(await get('?topics=$tokens'), { status: 400 })
  t.equal((await call(await token('agent'), 'GET', '/api/v1/events')).status, 403)
})

test('[EV8] [RE13] a backend publishes one event or many, all or none, on the topics it may use', async t => {
  const { url, call, token, log } = await startApp(t)
  const operator = await token('operator', { agents: ['mine'] })
  await call(operator, 'POST', '/api/v1/tasks', { taskId: 't1', title: 'Ship' })
  const publish = (body: unknown, by = operator) => call<{ cursor: string }>(by, 'POST', '/api/v1/events', body)
  const event = (topic: string, payload: unknown = {}, type = 'custom:deploy.done') => ({ topic, type, payload })
  const ann = await connectWs(t, url, await token('viewer', { sub: 'ann' }))
  await ann.request('subscribe', { topics: ['tasks.t1.>', 'users.ann.inbox', 'agents.*.log'], snapshot: false })

  const one = await publish(event('tasks.t1.events', { ok: true }))
  t.equal(one.status, 202)
  t.match(await ann.next('custom:deploy.done'), {
    topic: 'tasks.t1.events',
    payload: { ok: true },
    cursor: one.body.cursor,
  })
  const many = await publish([event('users.ann.inbox', 1), event('users.bob.inbox', 2), event('agents.mine.log', 3)])
  t.equal(many.status, 202)
  t.equal((await ann.next('custom:deploy.done')).payload, 1)
  t.match(await ann.next('custom:deploy.done'), { payload: 3, cursor: many.body.cursor })

  const [viewer, agent] = [await token('viewer'), await token('agent', { sub: 'mine' })]
  const head = log.head
  const refusals: [unknown, number, string][] = [
    [event('tasks.t1.status'), 403, 'forbidden'],
    [event('agents.mine.status'), 403, 'forbidden'],
    [event('system.connections'), 403, 'forbidden'],
    [event('$tokens.x'), 403, 'forbidden'],
    [event('users.*.inbox'), 403, 'forbidden'],
    [event('agents.other.log'), 404, 'not_found'],
    [event('tasks.none.events'), 404, 'not_found'],
    [[event('tasks.t1.events'), event('tasks.t1.status')], 403, 'forbidden'],
    [event('tasks.t1.events', {}, 'task:completed'), 400, 'invalid_request'],
    [event('tasks.t1.events', {}, 'custom:'), 400, 'invalid_request'],
    [event('tasks.t1.events', 'x'.repeat(65_536)), 413, 'too_large'],
    [event('tasks.t1.events', JSON.parse('['.repeat(101) + ']'.repeat(101))), 400, 'invalid_request'],
    [[], 400, 'invalid_request'],
    [Array(501).fill(event('tasks.t1.events')), 400, 'invalid_request'],
    [{ ...event('tasks.t1.events'), cursor: 'x' }, 400, 'invalid_request'],
  ]
  for (const [body, status, code] of refusals) {
    t.match(await publish(body), { status, body: { code } }, JSON.stringify(body).slice(0, 80))
  }
  t.equal((await publish(event('tasks.t1.events'), viewer)).status, 403)
  t.equal((await publish(event('tasks.t1.events'), agent)).status, 403)
  const since = (await stored(log, head)).filter(({ topic }) => topic !== 'system.connections')
  t.same(since, [], 'a refused request changed nothing')
  t.equal((await publish(Array(500).fill(event('tasks.t1.events')))).status, 202)
  await log.close()
  t.match(await publish(event('tasks.t1.events')), { status: 503, body: { code: 'unavailable' } })
})
