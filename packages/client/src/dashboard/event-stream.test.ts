import t, { type Test } from 'tap'
import { DashboardClient } from '../node/index.ts'
import { type Peer, ScriptedServer, welcomeDashboard } from '../testing/scripted-server.ts'
import type { StreamItem } from './event-stream.ts'

const TOPIC = 'tasks.t1.events'
const event = (cursor: string) => ({ type: 'custom:x', topic: TOPIC, cursor, at: 1, payload: {} })

async function open(t: Test) {
  const server = await ScriptedServer.listen(t)
  const client = new DashboardClient({ url: server.url, token: 'T', random: () => 0 })
  t.after(() => client.close())
  client.connect()
  const { peer } = await welcomeDashboard(server)
  return { server, client, peer }
}

/** Answers the next `subscribe` with an empty snapshot at the cursor. */
async function serve(peer: Peer, cursor: string) {
  const { id, payload } = await peer.next('subscribe')
  peer.say('reply', { ok: true }, id)
  peer.say('snapshot', { topics: payload.topics, records: [], cursor })
}

const nameOf = (item: StreamItem) => ('cursor' in item ? item.cursor : item.type)

t.test('a loop gets the snapshot, then the events, over reconnects; leaving it ends the subscription', async t => {
  const { client, peer, server } = await open(t)
  const seen: string[] = []
  const looped = (async () => {
    for await (const item of client.events('tasks.t1.>')) {
      seen.push(nameOf(item))
      if (seen.length === 2) peer.cut()
      if (seen.length === 4) break
    }
  })()
  await serve(peer, 'c1')
  peer.send(event('c2'))
  const { peer: second } = await welcomeDashboard(server, { resumed: true })
  for (const cursor of ['c3', 'c4', 'c5']) second.send(event(cursor))
  second.say('resume:done', { cursor: 'c5' })
  await looped
  t.same(seen, ['snapshot', 'c2', 'c3', 'c4'])
  t.same((await second.next('unsubscribe')).payload, { topics: ['tasks.t1.>'] })
})

t.test('what comes faster than it is read waits, up to the limit; then there is a new snapshot', async t => {
  const { client, peer } = await open(t)
  const events = client.events('tasks.t1.>', { limit: 2 })
  let told = 0
  const all = new Promise<void>(resolve => {
    client.on('custom:x', () => {
      if (++told === 2) resolve()
    })
  })
  await serve(peer, 'c1')
  peer.send(event('c2'))
  peer.send(event('c3'))
  await all
  await serve(peer, 'c4')
  t.match((await events.next()).value, { type: 'resync', reason: /more than 2 items/ })
  t.match((await events.next()).value, { type: 'snapshot' })
  await events.return()
  t.same(await events.next(), { done: true, value: undefined })
})

t.test('it ends with its signal and with the client, also while it is waited for', async t => {
  const { client, peer } = await open(t)
  const abort = new AbortController()
  const first = client.events('tasks.t1.>', { signal: abort.signal })
  await serve(peer, 'c1')
  await first.next()
  const waiting = [first.next(), first.next()]
  abort.abort()
  for (const result of waiting) t.same(await result, { done: true, value: undefined })
  t.same(await client.events('x.>', { signal: abort.signal }).next(), { done: true, value: undefined })
  const last = client.events('tasks.t2.>')
  const end = last.next()
  client.close()
  t.same(await end, { done: true, value: undefined })
})

t.test('a refused pattern is thrown once', async t => {
  const { client, peer } = await open(t)
  const events = client.events('system.connections')
  const next = events.next()
  const { id } = await peer.next('subscribe')
  peer.say('reply', { ok: false, error: { code: 'forbidden', message: 'No such right.', retryable: false } }, id)
  await t.rejects(next, { code: 'refused', message: 'No such right.' })
  t.same(await events.next(), { done: true, value: undefined })
})
