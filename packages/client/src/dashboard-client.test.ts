import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TerminalSnapshot } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import type { DashboardClientOptions } from './dashboard-client.ts'
import { DashboardClient } from './node/index.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { established, type Peer, ScriptedServer, welcomeDashboard } from './testing/scripted-server.ts'
import { statusOf } from './testing/status-of.ts'

async function open(t: Test, over: Partial<DashboardClientOptions> = {}) {
  const server = await ScriptedServer.listen(t)
  const client = new DashboardClient({ url: server.url, token: 'T', random: () => 0, ...over })
  t.after(() => client.close())
  return { server, client }
}

/** Records the calls of a subscription's handlers, and waits for a given number of calls. */
function recorder() {
  const seen: string[] = []
  let wake = () => {}
  const note = (text: string) => {
    seen.push(text)
    wake()
  }
  return {
    seen,
    handlers: {
      event: (event: { cursor: string }) => note(event.cursor),
      snapshot: ({ records }: { records: { type: string }[] }) => note(`snapshot of ${records.length}`),
      resync: (reason: string) => note(`resync: ${reason}`),
      error: ({ code }: { code: string }) => note(`error: ${code}`),
    },
    async until(count: number) {
      while (seen.length < count) await new Promise<void>(resolve => (wake = resolve))
      return seen
    },
  }
}

const event = (cursor: string, topic = 'tasks.t1.events') => ({
  type: 'custom:x',
  topic,
  cursor,
  at: 1,
  payload: {},
})
const accept = (peer: Peer, id: string | undefined, fields: object) =>
  peer.send({ type: 'reply', id, payload: { ok: true, ...fields } })

const record = (topic = 'tasks.t1.events') => ({ topic, type: 'custom:x', payload: {} })

/** Answers the next `subscribe` with a snapshot at the cursor. */
async function serve(peer: Peer, cursor: string, records = [record()]) {
  const { id, payload } = await peer.next('subscribe')
  peer.say('reply', { ok: true }, id)
  peer.say('snapshot', { topics: payload.topics, records, cursor })
  return payload.topics as string[]
}

t.test('a subscription gets one complete snapshot, then events; a duplicate is dropped', async t => {
  const { server, client } = await open(t)
  const { seen, handlers, until } = recorder()
  client.subscribe('tasks.t1.>', handlers)
  client.connect()
  const { peer, hello } = await welcomeDashboard(server)
  t.same(hello.payload, { join: true })
  const { payload, id } = await peer.next('subscribe')
  t.same(payload, { topics: ['tasks.t1.>'] })
  peer.say('reply', { ok: true }, id)
  const { topics } = payload
  peer.say('snapshot', { topics, records: [record()], cursor: 'c5', more: true })
  peer.say('snapshot', { topics, records: [record(), record('tasks.t2.events')], cursor: 'c5' })
  for (const cursor of ['c6', 'c7', 'c6', 'c7', 'c8']) peer.send(event(cursor))
  peer.send(event('c9', 'tasks.t2.events'))
  peer.send(event('c10'))
  t.same(await until(5), ['snapshot of 2', 'c6', 'c7', 'c8', 'c10'])
  t.equal(client.cursor, 'c10')
  t.same(seen.length, 5)
})

t.test(
  'a joined message: every frame in order, whatever the line ends; a bad line costs the others nothing',
  async t => {
    const logged: string[] = []
    const { server, client } = await open(t, { onLog: (_level, message) => logged.push(message) })
    const { handlers, until } = recorder()
    client.subscribe('tasks.t1.>', handlers)
    client.connect()
    const { peer } = await welcomeDashboard(server)
    const { id, payload } = await peer.next('subscribe')
    const snapshot = { type: 'snapshot', payload: { topics: payload.topics, records: [record()], cursor: 'c1' } }
    peer.join(
      [{ type: 'reply', id, payload: { ok: true } }, snapshot, event('c2'), '{"type":', '', event('c3')],
      '\r\n',
    )
    peer.join([event('c4'), event('c4'), event('c5'), ''])
    t.same(await until(5), ['snapshot of 1', 'c2', 'c3', 'c4', 'c5'])
    t.equal(logged.filter(message => message === 'received an invalid frame').length, 1)
  },
)

t.test('it measures the round trip to the server for the present connection', async t => {
  const clock = new FakeClock()
  const { server, client } = await open(t, { clock })
  const told: unknown[] = []
  client.rttMs.subscribe(rttMs => told.push(rttMs))
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const measure = async (ms: number) => {
    const { payload } = await peer.next('heartbeat')
    clock.advance(ms)
    const changed = new Promise<void>(resolve => {
      const leave = client.rttMs.subscribe(() => {
        leave()
        resolve()
      })
    })
    peer.say('heartbeat', { timestamp: 1, echo: payload.timestamp })
    await changed
  }
  await measure(30)
  clock.advance(9_970)
  await measure(70)
  peer.say('heartbeat', { timestamp: 1 })
  peer.say('heartbeat', { timestamp: 1, echo: clock.now() + 60_000 })
  peer.cut()
  await statusOf(client, 'waiting')
  t.same(told, [30, 70, undefined])
  client.close()
  t.equal(clock.timers, 0)
})

t.test('reconnects resume behind the last processed event, also without any event', async t => {
  const { server, client } = await open(t)
  const { handlers, until } = recorder()
  client.subscribe(['tasks.t1.>', 'tasks.t2.>'], handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const topics = await serve(peer, 'c5')
  await until(1)
  peer.cut()
  const { peer: second, hello } = await welcomeDashboard(server, { resumed: true })
  t.same(hello.payload, { join: true, resume: { cursor: 'c5' }, subscribe: topics })
  second.send(event('c6'))
  second.send(event('c7'))
  second.say('resume:done', { cursor: 'c9' })
  await until(3)
  second.send(event('c10'))
  await until(4)
  second.cut()
  const third = await welcomeDashboard(server, { resumed: true })
  t.same(third.hello.payload.resume, { cursor: 'c10' })
  third.peer.send(event('c10'))
  third.peer.send(event('c11'))
  t.same(await until(5), ['snapshot of 1', 'c6', 'c7', 'c10', 'c11'])
})

t.test('a refused resume is reported and starts from a snapshot', async t => {
  const { server, client } = await open(t)
  const { handlers, until } = recorder()
  client.subscribe('tasks.t1.>', handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  await serve(peer, 'c5')
  await until(1)
  peer.cut()
  const { peer: second } = await welcomeDashboard(server, { resumed: false, reason: 'expired' })
  second.say('snapshot', { topics: ['tasks.t1.>'], records: [], cursor: 'c1' })
  second.send(event('c5'))
  t.same(
    await until(4),
    ['snapshot of 1', 'resync: expired', 'snapshot of 0', 'c5'],
    'an old cursor may mean a new event',
  )
})

t.test('a resume that the server cannot even read does not keep the client out', async t => {
  const { server, client } = await open(t, { cursor: 'garbage' })
  const { handlers, until } = recorder()
  client.subscribe('tasks.t1.>', handlers)
  client.connect()
  const peer = await server.accept()
  peer.say('connection:established', established)
  const hello = await peer.next('dashboard:connect')
  peer.say('error', { code: 'invalid_frame', message: 'resume.cursor', retryable: false }, hello.id)
  await serve(peer, 'c1')
  t.match(await until(2), [/^resync/, 'snapshot of 1'])
})

t.test('a cursor from an earlier process resumes without a snapshot', async t => {
  const { server, client } = await open(t, { cursor: 'c41' })
  const { handlers, until } = recorder()
  client.subscribe('tasks.t1.>', handlers)
  client.connect()
  const { peer, hello } = await welcomeDashboard(server, { resumed: true })
  t.same(hello.payload, { join: true, resume: { cursor: 'c41' }, subscribe: ['tasks.t1.>'] })
  peer.send(event('c42'))
  peer.say('resume:done', { cursor: 'c42' })
  t.same(await until(1), ['c42'])
})

t.test('patterns are shared: a second subscriber gets its own snapshot, the last one unsubscribes', async t => {
  const { server, client } = await open(t)
  const one = recorder()
  const two = recorder()
  const first = client.subscribe('tasks.t1.>', one.handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  await serve(peer, 'c1')
  await one.until(1)
  const second = client.subscribe('tasks.t1.>', two.handlers)
  const { id, payload } = await peer.next('subscribe')
  peer.send(event('c2'))
  peer.say('reply', { ok: true }, id)
  peer.say('snapshot', { topics: payload.topics, records: [record()], cursor: 'c2' })
  peer.send(event('c3'))
  t.same(await two.until(2), ['snapshot of 1', 'c3'], 'c2 is in the snapshot')
  t.same(await one.until(3), ['snapshot of 1', 'c2', 'c3'])
  first()
  second()
  second()
  t.same((await peer.next('unsubscribe')).payload, { topics: ['tasks.t1.>'] })
})

t.test('[SB11] a resume continues from the newest snapshot, even if events came while it was asked for', async t => {
  const { server, client } = await open(t)
  const [one, two] = [recorder(), recorder()]
  client.subscribe('tasks.t1.>', one.handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  await serve(peer, 'c1')
  await one.until(1)
  client.subscribe('tasks.t1.>', two.handlers)
  const { id, payload } = await peer.next('subscribe')
  peer.send(event('c2'))
  peer.say('reply', { ok: true }, id)
  // This socket's token may not see the event at c3.
  peer.say('snapshot', { topics: payload.topics, records: [], cursor: 'c3' })
  await two.until(1)
  t.equal(client.cursor, 'c3')
  peer.cut()
  const { peer: second, hello } = await welcomeDashboard(server, { resumed: true })
  t.same(hello.payload, { join: true, resume: { cursor: 'c3' }, subscribe: ['tasks.t1.>'] })
  second.send(event('c4'))
  t.same(await two.until(2), ['snapshot of 0', 'c4'])
})

t.test('[SB11] a pattern whose snapshot came among other events is resumed, not asked for again', async t => {
  const { server, client } = await open(t)
  const [one, two] = [recorder(), recorder()]
  client.subscribe('tasks.t1.>', one.handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  await serve(peer, 'c1')
  await one.until(1)
  client.subscribe('tasks.t2.>', two.handlers)
  const { id, payload } = await peer.next('subscribe')
  peer.send(event('c2'))
  peer.say('reply', { ok: true }, id)
  peer.say('snapshot', { topics: payload.topics, records: [], cursor: 'c3' })
  await two.until(1)
  peer.cut()
  const { hello } = await welcomeDashboard(server, { resumed: true })
  t.same(hello.payload, { join: true, resume: { cursor: 'c3' }, subscribe: ['tasks.t1.>', 'tasks.t2.>'] })
})

t.test(
  '[SB10] active: asked for without what is over; who wants all of the same pattern gets a snapshot of it',
  async t => {
    const { server, client } = await open(t)
    const [active, all] = [recorder(), recorder()]
    client.subscribe('tasks.t1.>', active.handlers, { snapshot: 'active' })
    client.connect()
    const { peer } = await welcomeDashboard(server)
    const first = await peer.next('subscribe')
    t.same(first.payload, { topics: ['tasks.t1.>'], snapshot: 'active' })
    client.subscribe('tasks.t1.>', all.handlers)
    const say = (records: object[], cursor: string) =>
      peer.send({ type: 'snapshot', payload: { topics: ['tasks.t1.>'], records, cursor } })
    peer.say('reply', { ok: true }, first.id)
    say([], 'c1')
    peer.send(event('c2'))
    t.same(await active.until(2), ['snapshot of 0', 'c2'])
    const second = await peer.next('subscribe')
    t.same(second.payload, { topics: ['tasks.t1.>'] })
    peer.say('reply', { ok: true }, second.id)
    say([record()], 'c2')
    peer.send(event('c3'))
    t.same(await all.until(2), ['snapshot of 1', 'c3'])
    t.same(await active.until(3), ['snapshot of 0', 'c2', 'c3'])
    peer.cut()
    t.same((await welcomeDashboard(server, { resumed: true })).hello.payload.snapshot, undefined, 'one wants all')
  },
)

t.test('[SB10] a resume says that only what is active is wanted, should it begin anew', async t => {
  const { server, client } = await open(t, { cursor: 'c41' })
  client.subscribe('tasks.t1.>', {}, { snapshot: 'active' })
  client.connect()
  t.match((await welcomeDashboard(server, { resumed: true })).hello.payload, { snapshot: 'active' })
})

t.test(
  '[SB10] among patterns of which one wants all, a new beginning brings active records, and all where wanted',
  async t => {
    const { server, client } = await open(t)
    const [active, all] = [recorder(), recorder()]
    client.subscribe('agents.*.commands.*', active.handlers, { snapshot: 'active' })
    client.subscribe('tasks.t1.>', all.handlers)
    client.connect()
    const { peer } = await welcomeDashboard(server)
    await serve(peer, 'c1', [])
    await serve(peer, 'c1', [])
    await Promise.all([active.until(1), all.until(1)])
    peer.cut()
    const { peer: second, hello } = await welcomeDashboard(server, { resumed: false, reason: 'retention' })
    t.same(hello.payload.snapshot, 'active')
    second.say('snapshot', { topics: hello.payload.subscribe, records: [], cursor: 'd1' })
    t.same(await serve(second, 'd2'), ['tasks.t1.>'])
    t.same(await active.until(3), ['snapshot of 0', 'resync: retention', 'snapshot of 0'])
    t.same(await all.until(3), ['snapshot of 0', 'resync: retention', 'snapshot of 1'])
    second.cut()
    const { peer: third } = await welcomeDashboard(server, { resumed: true })
    third.say('resume:done', { cursor: 'd2' })
    third.say('resync:required', { topics: ['tasks.t1.>'], reason: 'retention' })
    third.say('snapshot', { topics: ['tasks.t1.>'], records: [], cursor: 'd3' })
    await serve(third, 'd4')
    t.same((await all.until(5)).slice(3), ['resync: retention', 'snapshot of 1'])
  },
)

t.test('a handler of one type hears each event once, however many patterns bring it', async t => {
  const { server, client } = await open(t)
  const { handlers, until } = recorder()
  client.subscribe(['tasks.t1.>', 'tasks.>'], handlers)
  client.subscribe('tasks.t1.*', handlers)
  const heard: string[] = []
  const leave = client.on('task:progress', ({ cursor, payload }) => heard.push(`${cursor} ${payload.progress}`))
  client.on('custom:x', ({ cursor }) => heard.push(cursor))
  client.connect()
  const { peer } = await welcomeDashboard(server)
  await serve(peer, 'c1')
  const task = { taskId: 't1', title: 'T', description: '', status: 'running', labels: {}, progress: 0.5 }
  const progress = { ...task, confidence: 1, message: '', createdAt: 1, updatedAt: 1 }
  const say = (cursor: string) =>
    peer.send({ type: 'task:progress', topic: 'tasks.t1.status', cursor, at: 1, payload: progress })
  say('c2')
  peer.send(event('c3'))
  await until(6)
  leave()
  leave()
  say('c4')
  await until(8)
  t.same(heard, ['c2 0.5', 'c3'])
})

t.test('offline: a request waits its time, fails at once, or is queued until it can be sent, as it asks', async t => {
  const clock = new FakeClock()
  const { server, client } = await open(t, { clock, requestTimeoutMs: 1_000 })
  const command = { agentId: 'a1', kind: 'shell', input: 'ls' }
  t.match(await client.submit(command, { offline: 'fail' }), { ok: false, error: { code: 'offline', retryable: true } })
  const waited = client.submit(command)
  const queued = client.submit(command, { offline: 'queue' })
  clock.advance(3_600_000)
  t.match(await waited, { ok: false, error: { code: 'timeout' } })
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const first = await peer.next('command:request')
  peer.cut()
  await statusOf(client, 'waiting')
  clock.advance(0)
  const second = await server.accept()
  clock.advance(900)
  second.say('connection:established', established)
  await second.next('dashboard:connect')
  second.say('connection:established', established)
  const again = await second.next('command:request')
  t.same(again.payload, first.payload, 'the same command, by its idempotency key')
  clock.advance(900)
  second.say('reply', { ok: true }, again.id)
  t.match(await queued, { ok: true })
  const late = client.submit(command, { offline: 'queue' })
  await second.next('command:request')
  clock.advance(1_000)
  t.match(await late, { ok: false, error: { code: 'timeout' } }, 'once it was sent its time runs')
  client.close()
  t.match(await client.submit(command, { offline: 'queue' }), { ok: false, error: { code: 'stopped' } })
  t.equal(clock.timers, 0)
})

t.test('a request that waits for a connection can be withdrawn, one that was sent cannot', async t => {
  const { server, client } = await open(t)
  const [early, late, never] = [new AbortController(), new AbortController(), new AbortController()]
  client.connect()
  const submit = (input: string, signal: AbortSignal) =>
    client.submit({ agentId: 'a1', kind: 'shell', input }, { offline: 'queue', signal })
  const withdrawn = submit('withdrawn', early.signal)
  const sent = submit('sent', late.signal)
  t.match(await submit('never made', AbortSignal.abort()), { ok: false, error: { code: 'withdrawn' } })
  early.abort()
  t.match(await withdrawn, { ok: false, error: { code: 'withdrawn', retryable: false } })
  const { peer } = await welcomeDashboard(server)
  const { id, payload } = await peer.next('command:request')
  t.equal(payload.input, 'sent')
  late.abort()
  accept(peer, id, { command: {} })
  t.match(await sent, { ok: true })
  const open2 = submit('open', never.signal)
  never.abort()
  accept(peer, (await peer.next('command:request')).id, { command: {} })
  t.match(await open2, { ok: true })
})

t.test('a signal that outlives its requests keeps nothing of those that are over', async t => {
  const { server, client } = await open(t)
  const { signal } = new AbortController()
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const submit = () => client.submit({ agentId: 'a1', kind: 'shell', input: '' }, { signal })
  const answered = submit()
  accept(peer, (await peer.next('command:request')).id, { command: {} })
  t.match(await answered, { ok: true })
  t.equal(getEventListeners(signal, 'abort').length, 0)
  const stopped = submit()
  t.equal(getEventListeners(signal, 'abort').length, 1)
  client.close()
  t.match(await stopped, { ok: false })
  t.equal(getEventListeners(signal, 'abort').length, 0)
  t.match(await submit(), { ok: false, error: { code: 'stopped' } })
  t.equal(getEventListeners(signal, 'abort').length, 0, 'nor of one that could not be made')
})

t.test('[SB2] without a snapshot it gets what happens from now on, and resumes where it was', async t => {
  const { server, client } = await open(t)
  const { seen, handlers, until } = recorder()
  client.subscribe('tasks.t1.>', handlers, { snapshot: false })
  client.connect()
  const { peer } = await welcomeDashboard(server, { cursor: 'c4' })
  const { id, payload } = await peer.next('subscribe')
  t.same(payload, { topics: ['tasks.t1.>'], snapshot: false })
  accept(peer, id, { topics: payload.topics })
  peer.send(event('c5'))
  t.same(await until(1), ['c5'])
  peer.cut()
  const { peer: second, hello } = await welcomeDashboard(server, { resumed: true })
  t.match(hello.payload, { resume: { cursor: 'c5' }, subscribe: ['tasks.t1.>'] })
  second.send(event('c6'))
  second.say('resume:done', { cursor: 'c7' })
  t.same(await until(2), ['c5', 'c6'])
  second.cut()
  const { peer: third } = await welcomeDashboard(server, { resumed: false, reason: 'expired' })
  third.say('snapshot', { topics: ['tasks.t1.>'], records: [record()], cursor: 'c9' })
  third.send(event('c10'))
  t.same(await until(4), ['c5', 'c6', 'resync: expired', 'c10'])
  t.same(seen.length, 4, 'a snapshot that comes all the same is not shown')
})

t.test('[SB2] before any event a resume goes on from where the server greeted it', async t => {
  const { server, client } = await open(t)
  client.subscribe('tasks.t1.>', {}, { snapshot: false })
  client.connect()
  const { peer } = await welcomeDashboard(server, { cursor: 'c4' })
  const { id, payload } = await peer.next('subscribe')
  accept(peer, id, { topics: payload.topics })
  const submitted = client.submit({ agentId: 'a1', kind: 'shell', input: '' })
  accept(peer, (await peer.next('command:request')).id, { command: {} })
  await submitted
  peer.cut()
  const { hello } = await welcomeDashboard(server, { resumed: true })
  t.match(hello.payload, { resume: { cursor: 'c4' }, subscribe: ['tasks.t1.>'] })
})

t.test('[SB2] who wants a snapshot and who wants none share a pattern', async t => {
  const { server, client } = await open(t)
  const [silent, whole, late] = [recorder(), recorder(), recorder()]
  const leave = client.subscribe('tasks.t1.>', silent.handlers, { snapshot: false })
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const first = await peer.next('subscribe')
  t.match(first.payload, { snapshot: false })
  client.subscribe('tasks.t1.>', whole.handlers)
  accept(peer, first.id, { topics: first.payload.topics })
  peer.send(event('c5'))
  t.same(await silent.until(1), ['c5'])
  const second = await peer.next('subscribe')
  t.same(second.payload, { topics: ['tasks.t1.>'] }, 'asked again, for who wants a snapshot')
  peer.send(event('c6'))
  t.same(await silent.until(2), ['c5', 'c6'])
  accept(peer, second.id, { topics: second.payload.topics })
  peer.say('snapshot', { topics: second.payload.topics, records: [record()], cursor: 'c6' })
  client.subscribe('tasks.t1.>', late.handlers, { snapshot: false })
  peer.send(event('c7'))
  t.same(await whole.until(2), ['snapshot of 1', 'c7'])
  t.same(await silent.until(3), ['c5', 'c6', 'c7'])
  t.same(await late.until(1), ['c7'], 'what comes already needs no question')
  leave()
  t.notOk(peer.log.some(({ type }) => type === 'unsubscribe'))
})

t.test('[SB2] who reads what was before hears from when on every event comes, and again after a gap', async t => {
  const { server, client } = await open(t)
  const told: string[] = []
  let next = () => {}
  const live = () => {
    told.push('live')
    next()
  }
  client.subscribe(['tasks.t1.>', 'tasks.t2.>'], { live }, { snapshot: false })
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const { id, payload } = await peer.next('subscribe')
  const [first] = payload.topics
  t.same(told, [], 'not before the server says so')
  peer.say('error', { code: 'forbidden', message: 'no', retryable: false, details: { topics: ['tasks.t2.>'] } })
  accept(peer, id, { topics: [first] })
  await new Promise<void>(resolve => client.subscribe(first, { live: resolve }, { snapshot: false }))
  t.same(told, ['live'], 'once for all of its patterns')
  peer.cut()
  const { peer: second } = await welcomeDashboard(server, { resumed: true })
  second.say('resume:done', { cursor: 'c5' })
  accept(second, (await second.next('subscribe')).id, { topics: ['tasks.t2.>'] })
  const third = await new Promise<Awaited<ReturnType<typeof welcomeDashboard>>['peer']>(resolve => {
    second.cut()
    void welcomeDashboard(server, { resumed: false, reason: 'expired' }).then(({ peer }) => resolve(peer))
  })
  told.length = 0
  const again = new Promise<void>(resolve => {
    next = resolve
  })
  third.say('snapshot', { topics: [first, 'tasks.t2.>'], records: [], cursor: 'c9' })
  await again
  t.same(told, ['live'])
})

t.test('[SB2] a pattern that was let go before its answer is unsubscribed with it', async t => {
  const { server, client } = await open(t)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const leave = client.subscribe('tasks.t1.>', {}, { snapshot: false })
  const { id, payload } = await peer.next('subscribe')
  leave()
  accept(peer, id, { topics: payload.topics })
  t.same((await peer.next('unsubscribe')).payload, { topics: ['tasks.t1.>'] })
})

t.test('[AU11] a token from a function is renewed on the open socket, and its role shows', async t => {
  const clock = new FakeClock()
  const tokens: string[] = []
  const token = () => {
    tokens.push(`x.${btoa(JSON.stringify({ exp: clock.now() / 1000 + 20 }))}.x`)
    return tokens.at(-1)!
  }
  const { server, client } = await open(t, { clock, token })
  client.connect()
  const { peer } = await welcomeDashboard(server)
  t.match(await statusOf(client, 'online'), { userId: 'u1', role: 'operator', limits: { maxPatterns: 64 } })
  clock.advance(17_000)
  const { id, payload } = await peer.next('auth:refresh')
  t.same(payload, { token: tokens[1] })
  accept(peer, id, { expiresAt: clock.now() + 20_000, role: 'viewer' })
  const shown = new Promise<unknown>(resolve => client.status.subscribe(resolve))
  t.match(await shown, { state: 'online', userId: 'u1', role: 'viewer' })
  t.match(client.identity.value, { role: 'viewer' })
})

t.test('new patterns wait for the end of a replay', async t => {
  const { server, client } = await open(t)
  const one = recorder()
  client.subscribe('tasks.t1.>', one.handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  await serve(peer, 'c1')
  await one.until(1)
  peer.cut()
  const { peer: second } = await welcomeDashboard(server, { resumed: true })
  const two = recorder()
  client.subscribe('agents.>', two.handlers)
  second.send(event('c2'))
  await one.until(2)
  t.notOk(second.log.some(({ type }) => type === 'subscribe'))
  second.say('resume:done', { cursor: 'c2' })
  t.same(await serve(second, 'c2', []), ['agents.>'])
  t.same(await two.until(1), ['snapshot of 0'])
})

t.test('a refused subscription is reported to its handlers; resync:required starts again', async t => {
  const { server, client } = await open(t)
  const { handlers, until } = recorder()
  client.subscribe('system.connections', handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const { id } = await peer.next('subscribe')
  peer.say('reply', { ok: false, error: { code: 'forbidden', message: 'no', retryable: false } }, id)
  t.same(await until(1), ['error: forbidden'])
  const other = recorder()
  client.subscribe('tasks.t1.>', other.handlers)
  await serve(peer, 'c1')
  peer.say('resync:required', { topics: ['tasks.t1.>'], reason: 'gone' })
  peer.say('snapshot', { topics: ['tasks.t1.>'], records: [record()], cursor: 'c9' })
  t.same(await other.until(3), ['snapshot of 1', 'resync: gone', 'snapshot of 1'])
})

t.test('of several patterns the forbidden one is reported, and the others proceed', async t => {
  const { server, client } = await open(t)
  const { handlers, until } = recorder()
  client.subscribe(['system.connections', 'tasks.t1.>'], handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const { id } = await peer.next('subscribe')
  const details = { topic: 'system.connections' }
  peer.say('error', { code: 'forbidden', message: 'no', retryable: false, details })
  peer.send({ type: 'reply', id, payload: { ok: true, topics: ['tasks.t1.>'] } })
  peer.say('snapshot', { topics: ['tasks.t1.>'], records: [record()], cursor: 'c1' })
  peer.send(event('c2'))
  t.same(await until(3), ['error: forbidden', 'snapshot of 1', 'c2'])
})

t.test('a replay that retention overtakes continues from a snapshot, without delaying new patterns', async t => {
  const { server, client } = await open(t, { cursor: 'c1' })
  const { handlers, until } = recorder()
  client.subscribe('tasks.t1.>', handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server, { resumed: true })
  peer.say('resync:required', { topics: ['tasks.t1.>'], reason: 'expired' })
  peer.say('snapshot', { topics: ['tasks.t1.>'], records: [], cursor: 'c9' })
  t.same(await until(2), ['resync: expired', 'snapshot of 0'])
  const other = recorder()
  client.subscribe('tasks.t2.>', other.handlers)
  t.same(await serve(peer, 'c9', []), ['tasks.t2.>'])
  t.notOk(peer.log.some(({ type, payload }) => type === 'subscribe' && payload.topics.includes('tasks.t1.>')))
})

t.test('a view without an id follows the newest terminal; one with an id keeps to it', async t => {
  const { server, client } = await open(t)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const seen: string[] = []
  let wake = () => {}
  const view = (name: string) => ({
    agentId: 'a1',
    onSnapshot: ({ terminalId }: TerminalSnapshot) => {
      seen.push(`${name}: ${terminalId}`)
      wake()
    },
    onOutput: (bytes: Uint8Array) => {
      seen.push(`${name}: ${new TextDecoder().decode(bytes)}`)
      wake()
    },
  })
  const follower = client.openTerminal(view('follower'))
  const named = client.openTerminal({ ...view('named'), terminalId: 'two' })
  const screen = (terminalId: string) =>
    peer.say('terminal:snapshot', { agentId: 'a1', terminalId, cols: 80, rows: 24, offset: 0, screen: '', title: '' })
  const output = (terminalId: string) =>
    peer.say('terminal:output', { agentId: 'a1', terminalId, offset: 0, data: terminalId, encoding: 'utf8' })
  screen('main')
  screen('two')
  screen('one')
  for (const terminalId of ['main', 'one', 'two']) output(terminalId)
  while (seen.length < 5) await new Promise<void>(resolve => (wake = resolve))
  t.same(seen, ['follower: main', 'named: two', 'follower: one', 'follower: one', 'named: two'])
  follower.close()
  t.same((await peer.next('terminal:close')).payload, { agentId: 'a1' })
  named.close()
  t.same((await peer.next('terminal:close')).payload, { agentId: 'a1', terminalId: 'two' })
})

t.test('an event reaches the view of its task although only its command names the task', async t => {
  const { server, client } = await open(t)
  const { handlers, until } = recorder()
  client.subscribe('tasks.t1.>', handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const message = { agentId: 'a1', sessionId: 's', messageId: 'm', commandId: 'c', taskId: 't1', delta: '' }
  const known = { topic: 'agents.a1.sessions.s.messages', type: 'message:delta', payload: message }
  await serve(peer, 'c1', [known])
  const { taskId: _, ...unnamed } = message
  peer.send({ ...known, cursor: 'c2', at: 1, payload: unnamed })
  t.same(await until(2), ['snapshot of 1', 'c2'])
})

t.test('a handler that throws does not keep events from the others', async t => {
  const logged: string[] = []
  const { server, client } = await open(t, { onLog: (level, message) => logged.push(`${level} ${message}`) })
  const { handlers, until } = recorder()
  client.subscribe('tasks.>', {
    event() {
      throw new Error('mine')
    },
  })
  client.subscribe('tasks.>', handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  await serve(peer, 'c1')
  peer.send(event('c2'))
  await until(2)
  t.ok(logged.includes('error a subscription handler threw'))
})

t.test('a submission is answered once, although the socket was cut before the reply', async t => {
  const { server, client } = await open(t)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const submitted = client.submit({ agentId: 'a1', kind: 'shell', input: 'ls' })
  const request = await peer.next('command:request')
  t.match(request.payload, { agentId: 'a1', kind: 'shell', input: 'ls', idempotencyKey: /^[0-9a-f]{32}$/ })
  peer.cut()
  const { peer: second } = await welcomeDashboard(server)
  const again = await second.next('command:request')
  t.same(again, request, 'the same request: the same idempotency key')
  second.send({ type: 'reply', id: again.id, payload: { ok: true, command: { commandId: 'c1' } } })
  t.match(await submitted, { ok: true, command: { commandId: 'c1' } })
  const interrupted = client.interrupt('c1', 'enough')
  const { id, payload } = await second.next('command:interrupt')
  t.same(payload, { commandId: 'c1', reason: 'enough' })
  second.say('error', { code: 'not_found', message: 'no', retryable: false }, id)
  t.match(await interrupted, { ok: false, error: { code: 'not_found' } })
})

t.test('requests made offline are sent later; closing answers the remaining ones', async t => {
  const { server, client } = await open(t)
  const offline = client.interrupt('c1')
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const { id } = await peer.next('command:interrupt')
  peer.send({ type: 'reply', id, payload: { ok: true, affected: true, status: 'running' } })
  t.match(await offline, { ok: true, affected: true })
  const left = client.interrupt('c2')
  client.close()
  t.match(await left, { ok: false, error: { code: 'stopped' } })
  t.match(await client.interrupt('c3'), { ok: false, error: { code: 'stopped' } })
})

t.test('a terminal gets a screen and bytes for credit; after a reconnect nothing is repeated', async t => {
  const { server, client } = await open(t)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  const seen: string[] = []
  let wake = () => {}
  const note = (text: string) => {
    seen.push(text)
    wake()
  }
  const until = async (count: number) => {
    while (seen.length < count) await new Promise<void>(resolve => (wake = resolve))
    return seen.splice(0)
  }
  const terminal = client.openTerminal({
    agentId: 'a1',
    onSnapshot: ({ screen, offset }) => note(`screen ${screen}@${offset}`),
    onOutput: (bytes, { offset, gap }) => {
      note(`${new TextDecoder().decode(bytes)}@${offset}${gap ? ` gap ${gap.from}-${gap.to}` : ''}`)
    },
    onExit: ({ exitCode }) => note(`exit ${exitCode}`),
  })
  t.match(await peer.next('terminal:open'), { payload: { agentId: 'a1' } })
  const of = { agentId: 'a1', terminalId: 'main' }
  const screen = (offset: number): TerminalSnapshot => ({ ...of, cols: 80, rows: 24, offset, screen: '$', title: '' })
  const output = (offset: number, data: string, over: object = {}) =>
    peerNow.say('terminal:output', { ...of, offset, data, encoding: 'utf8', ...over })
  let peerNow = peer
  output(90, 'too early')
  peer.say('terminal:snapshot', screen(100))
  output(100, 'abc')
  output(101, 'bcde')
  output(110, 'xyz', { gap: { from: 105, to: 110 } })
  t.same(await until(4), ['screen $@100', 'abc@100', 'de@103', 'xyz@110 gap 105-110'])
  t.equal(terminal.terminalId, 'main')

  output(113, 'y'.repeat(65_536))
  t.match(await peer.next('terminal:ack'), { payload: { ...of, offset: 65_649 } })
  await until(1)

  peer.cut()
  peerNow = (await welcomeDashboard(server)).peer
  t.same((await peerNow.next('terminal:open')).payload, { agentId: 'a1' })
  peerNow.say('terminal:snapshot', screen(65_649))
  output(65_640, 'yyyyyyyyyNEW')
  t.same(await until(1), ['NEW@65649'], 'nothing was missed: no new screen')

  output(70_000, 'later')
  await peerNow.next('terminal:open')
  peerNow.say('terminal:snapshot', screen(70_005))
  peerNow.say('terminal:exit', { ...of, exitCode: 0 })
  t.same(await until(2), ['screen $@70005', 'exit 0'], 'a hole that nobody explains is closed by a screen')

  const typed = terminal.input('ls\r')
  t.match(await peerNow.next('terminal:input'), { payload: { ...of, data: 'ls\r' } })
  peerNow.cut()
  t.match(await typed, { ok: false, error: { code: 'disconnected' } }, 'keys are never typed twice')
  const offline = terminal.input('x')
  peerNow = (await welcomeDashboard(server)).peer
  const { id, payload } = await peerNow.next('terminal:input')
  t.match(payload, { ...of, data: 'x' })
  peerNow.say('reply', { ok: true }, id)
  t.same(await offline, { ok: true })
  terminal.close()
  t.same((await peerNow.next('terminal:close')).payload, { agentId: 'a1' })
})

t.test('after 1012 it comes back when the server said', async t => {
  const { server, client } = await open(t)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  peer.say('connection:closing', { code: 1012, reason: 'deploy', reconnectAfterMs: 7 })
  peer.socket.close(1012, 'deploy')
  const waiting = await statusOf(client, 'waiting')
  t.match(waiting, { cause: { code: 1012, reason: 'deploy' } })
  await server.accept()
})

t.test('it knows whom the server takes it for, and how many events a reconnect brought', async t => {
  const { server, client } = await open(t)
  const { handlers, until } = recorder()
  client.subscribe('tasks.t1.>', handlers)
  t.equal(client.identity.value, undefined)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  await serve(peer, 'c5')
  await until(1)
  t.match(client.identity.value, { userId: 'u1', role: 'operator', connectionId: 'con_1' })
  t.equal(client.caughtUp.value, undefined)
  peer.cut()
  const { peer: second } = await welcomeDashboard(server, { resumed: true })
  for (const cursor of ['c5', 'c6', 'c7']) second.send(event(cursor))
  second.say('resume:done', { cursor: 'c7' })
  second.send(event('c8'))
  await until(5)
  t.equal(client.caughtUp.value, 3)
  second.cut()
  await statusOf(client, 'waiting')
  t.equal(client.caughtUp.value, undefined)
})

t.test('[EV10] summaries with the cursor of another event all arrive, and are no place to resume at', async t => {
  const { server, client } = await open(t)
  const { handlers, until } = recorder()
  client.subscribe('agents.*.summary', handlers)
  client.connect()
  const { peer } = await welcomeDashboard(server)
  await serve(peer, 'c5', [])
  for (const agentId of ['a1', 'a2']) {
    const payload = { agentId, queued: 0, openInteractions: 0 }
    peer.send({ type: 'agent:summary', topic: `agents.${agentId}.summary`, cursor: 'c9', at: 1, payload })
  }
  await until(3)
  t.equal(client.cursor, 'c5')
})

t.test('it fetches from the server with its token', async t => {
  const seen: string[] = []
  const { url, close } = await new Promise<{ url: string; close(): void }>(resolve => {
    const server = createServer(({ url, headers }, response) => {
      seen.push(`${url} ${headers.authorization} ${headers['x-own']}`)
      response.end('{}')
    }).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      resolve({ url: `http://127.0.0.1:${port}`, close: () => server.close() })
    })
  })
  t.after(close)
  let count = 0
  for (const address of [url, `${url}/fleet/`, `${url.replace('http', 'ws')}/fleet/ws`]) {
    const client = new DashboardClient({ url: address, token: () => `T${++count}` })
    const response = await client.fetch('/api/v1/tasks', { headers: { 'x-own': 'x' } })
    t.ok(response.ok)
  }
  t.same(seen, ['/api/v1/tasks Bearer T1 x', '/fleet/api/v1/tasks Bearer T2 x', '/fleet/api/v1/tasks Bearer T3 x'])
})
