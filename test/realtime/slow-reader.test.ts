import type { Socket } from 'node:net'
import t from 'tap'
import { startApp } from '../helpers/build.ts'
import { said, stored } from '../helpers/events.ts'
import { clientFrame, rawWebSocket } from '../helpers/raw-websocket.ts'
import { size } from '../helpers/sizes.ts'
import { Watcher } from '../helpers/watcher.ts'
import { connectWs } from '../helpers/ws-client.ts'

/*
 * One dashboard that reads nothing and some that read slowly, among many. Full size:
 * READERS=1000 node dist/test/realtime/slow-reader.test.js
 */
const readerCount = size('READERS', { quick: 8, full: 60 })
const OUTBOX_LIMIT_BYTES = 1024 * 1024
const EVENT_BYTES = 20_000

t.setTimeout(300_000)

/** Reads some bytes, pauses until the server has written more, and so on. */
function readSlowly(socket: Socket): void {
  socket.on('data', () => {
    socket.pause()
    setImmediate(() => setImmediate(() => socket.resume()))
  })
}

t.test(
  '[OB3] [OB5] [RS1] a frozen reader is closed with 4508 at its limit and resumes without a gap; nobody waits for it',
  async t => {
    const { app, url, token, log } = await startApp(t, { config: { OUTBOX_LIMIT_BYTES } })
    const viewer = await token('viewer')
    const patterns = ['agents.a.log']
    const readers = Array.from({ length: readerCount }, () => new Watcher({ url, token: viewer, patterns }))
    t.teardown(() => readers.map(({ client }) => client.close()))
    await Promise.all(readers.map(reader => reader.ready()))
    const from = log.head
    const subscribe = clientFrame(JSON.stringify({ type: 'subscribe', payload: { topics: patterns, snapshot: false } }))
    const slow = await Promise.all(
      Array.from({ length: 3 }, async () => rawWebSocket(t, url, await token('viewer', { sub: 'slow' }))),
    )
    for (const socket of slow) socket.write(subscribe)
    slow.forEach(readSlowly)
    const frozen = await rawWebSocket(t, url, await token('viewer', { sub: 'frozen' }))
    frozen.write(subscribe)
    frozen.pause()
    while (app.broadcaster.stats().subscribers < readerCount + slow.length + 1) await new Promise(setImmediate)

    let most = 0
    const bulk = 'x'.repeat(EVENT_BYTES)
    for (let i = 0; app.connections.ofSub('frozen')[0]?.isOpen === true; i++) {
      await log.append([said('a', `${i} ${bulk}`)])
      most = Math.max(most, app.connections.stats().mostBufferedBytes)
    }
    t.ok(most < OUTBOX_LIMIT_BYTES + 2 * EVENT_BYTES, `at most ${most} bytes were buffered per connection`)
    const due = (await stored(log, from, patterns)).map(({ cursor }) => cursor)
    await Promise.all(readers.map(reader => reader.reached(due)))
    t.same(
      readers.flatMap(reader => reader.flaw(due) ?? []),
      [],
      `${readerCount} others got all ${due.length} events while it was frozen`,
    )
    frozen.destroy()
    while (app.connections.ofSub('frozen').length > 0) await new Promise(setImmediate)
    t.equal(app.connections.stats().closedByCode[4508], 1)
    t.equal(app.connections.ofSub('slow').length, slow.length, 'slow readers stay connected')

    const back = await connectWs(t, url, await token('viewer', { sub: 'frozen' }))
    back.send('dashboard:connect', { resume: { cursor: from }, subscribe: patterns }, 'c')
    t.match(await back.next(({ id }) => id === 'c'), { payload: { resumed: true } })
    await back.next('resume:done')
    t.same(
      back.frames.flatMap(({ cursor }) => cursor ?? []),
      due,
      'and gets all of them after reconnecting',
    )
  },
)
