import { once } from 'node:events'
import { deflateRawSync } from 'node:zlib'
import t from 'tap'
import { WebSocket } from 'ws'
import { startApp } from '../../helpers/build.ts'
import { said } from '../../helpers/events.ts'
import { temporaryFolder } from '../../helpers/log-folder.ts'
import { clientFrame, closeCodeOf, rawWebSocket } from '../../helpers/raw-websocket.ts'
import { size } from '../../helpers/sizes.ts'
import { until } from '../../helpers/until.ts'
import { connectWs, WsClient } from '../../helpers/ws-client.ts'

const MiB = 1024 * 1024
/** Inflated size of the bomb, where the limit is 256 KiB. */
const BOMB_MI = size('BOMB_MI', { quick: 16, full: 64 })

async function connect(url: string, token: string, perMessageDeflate: boolean) {
  const headers = { authorization: `Bearer ${token}` }
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers, perMessageDeflate })
  const client = new WsClient(socket)
  await client.next('connection:established')
  return client
}

t.test('[OB6] two clients with compression and one without get the same; each event is compressed once', async t => {
  const { app, url, token, log, call } = await startApp(t, { config: { COMPRESSION: true } })
  const viewer = await token('viewer')
  const clients = await Promise.all([true, true, false].map(asked => connect(url, viewer, asked)))
  t.teardown(() => Promise.all(clients.map(client => client.close())))
  t.same(
    clients.map(({ socket }) => socket.extensions),
    ['permessage-deflate', 'permessage-deflate', ''],
  )
  for (const client of clients) {
    await client.request('subscribe', { topics: ['agents.*.log'], snapshot: false })
  }
  const messages = ['short', 'long '.repeat(1000), 'short again', 'ä€😀'.repeat(5000), 'last']
  await log.append(messages.slice(0, 2).map(message => said('a', message)))
  for (const message of messages.slice(2)) await log.append([said('a', message)])
  const texts: unknown[] = []
  for (const client of clients) {
    const events = []
    for (const _ of messages) events.push(await client.next('agent:error'))
    t.same(
      events.map(({ payload }) => payload.message),
      messages,
    )
    texts.push(events)
  }
  t.same(texts[0], texts[2])
  t.same(texts[1], texts[2])
  t.equal(app.broadcaster.stats().compressedEvents, 2, 'the long events, once for both clients')
  const status = await call<{ compressedEvents: number }>(viewer, 'GET', '/api/v1/websocket/status')
  t.equal(status.body.compressedEvents, 2)
})

t.test('[OB7] a compression bomb is refused at the limit with 4413, and nobody else notices', async t => {
  const { app, url, token } = await startApp(t, { config: { COMPRESSION: true } })
  const bystander = await connectWs(t, url, await token('viewer', { sub: 'bystander' }))
  // Bytes that are no deflate stream follow: a server that inflated everything would close with 1007.
  const inflated = deflateRawSync(Buffer.alloc(BOMB_MI * MiB, 'x'), { finishFlush: 2 })
  const bomb = Buffer.concat([inflated, Buffer.alloc(16, 0xff)])
  t.ok(bomb.length < 256 * 1024, `${bomb.length} bytes are within the limit, ${BOMB_MI} MiB are not`)
  const attacker = await token('viewer', { sub: 'attacker' })
  for (let i = 0; i < 5; i++) {
    const socket = await rawWebSocket(t, url, attacker, { extensions: 'permessage-deflate' })
    socket.write(clientFrame(bomb, { rsv1: true }))
    t.equal(await closeCodeOf(socket), 4413, 'the bomb was not inflated beyond the limit')
  }
  const ended = await rawWebSocket(t, url, attacker, { extensions: 'permessage-deflate' })
  ended.write(clientFrame('no deflate stream', { rsv1: true }))
  t.equal(await closeCodeOf(ended), 1007)
  t.ok((await bystander.request('ping')).timestamp)
  // A connection is counted once it is gone; the peer has some time to read the reason.
  await until(() => app.connections.stats().closedByCode[4413] === 5)
})

t.test(
  '[OB6] a compressed request is read; a client whose offer of compression is declined is served without it',
  async t => {
    const { url, token } = await startApp(t, { config: { COMPRESSION: true } })
    const client = await connect(url, await token('viewer'), true)
    const topics = Array.from({ length: 60 }, (_, i) => `agents.${`agent-with-a-long-name-${i}`.padEnd(60, 'x')}.log`)
    t.match(await client.request('subscribe', { topics, snapshot: false }), { ok: true })
    await client.close()
    const plain = await startApp(t, { config: { DATA_DIR: temporaryFolder(t) } })
    const without = await connect(plain.url, await plain.token('viewer'), true)
    t.equal(without.socket.extensions, '')
    without.socket.terminate()
    await once(without.socket, 'close')
  },
)
