import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { openSqliteLog } from '../../src/log/sqlite-log.ts'
import { SECRET, startApp } from '../helpers/build.ts'
import { adminToken, fleetwire, freePort } from '../helpers/processes.ts'
import { rawWebSocket } from '../helpers/raw-websocket.ts'
import { size } from '../helpers/sizes.ts'
import { Watcher } from '../helpers/watcher.ts'

/*
 * A deploy: a real process with many sockets is told to terminate, and another server takes its place. Full size:
 * DRAIN_CLIENTS=1500 node dist/test/realtime/drain.test.js
 */
const clientCount = size('DRAIN_CLIENTS', { quick: 60, full: 150 })

t.setTimeout(300_000)

t.test(
  '[CL4] [CL10] [RS1] after SIGTERM the server is not ready, tells each client when to reconnect, and loses nothing',
  async t => {
    const dir = t.testdir({ data: {} })
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const env = {
      ...{ FLEETWIRE_PORT: String(port), FLEETWIRE_DATA_DIR: join(dir, 'data') },
      ...{ FLEETWIRE_JWT_SECRET: SECRET, FLEETWIRE_LOG_LEVEL: 'warn' },
    }
    const first = fleetwire(t, ['serve'], env)
    const token = await adminToken(first)
    let count = 0
    const happens = async () => {
      const response = await fetch(`${url}/api/v1/tasks`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ title: `task ${count}` }),
      })
      t.equal(response.status, 201)
      count++
    }
    const watchers = Array.from(
      { length: clientCount },
      () => new Watcher({ url, token, patterns: ['tasks.>'], offlineMs: 100 }),
    )
    t.teardown(() => watchers.map(({ client }) => client.close()))
    await Promise.all(watchers.map(watcher => watcher.ready()))
    await happens()

    // This peer answers no close frame, so the drain lasts until it is gone.
    const deaf = await rawWebSocket(t, url, token)
    first.child.kill('SIGTERM')
    const ready = async () => (await fetch(`${url}/ready`)).status
    while ((await ready()) !== 503);
    await happens()
    deaf.destroy()
    t.match(await first.ended, { code: 0 })

    // Closing this server does what a signal makes a process do.
    const second = await startApp(t, { port, config: { DATA_DIR: join(dir, 'data') } })
    await happens()
    await Promise.all(watchers.map(({ cursors }) => cursors.until(({ length }) => length >= count)))
    for (const { client } of watchers) client.close()
    const peers = await unfinished(port)
    const ends = peers.map(peer => once(peer, 'close'))
    await second.app.close()
    t.pass('connections without a complete request do not delay the close')
    await Promise.all(ends)

    const log = await openSqliteLog({ dir: join(dir, 'data'), clock: systemClock, retention: { count: 1000, ms: 1e9 } })
    t.teardown(() => log.close())
    const kept = await log.read({ topics: ['tasks.>'], limit: 500 })
    if (kept.status !== 'ok') throw new Error(kept.reason)
    const due = kept.events.map(({ cursor }) => cursor)
    t.equal(due.length, 3, 'before, during and after the drain')
    t.same(
      watchers.flatMap(watcher => watcher.flaw(due) ?? []),
      [],
      'every watcher has all of them, once, in order',
    )
    t.ok(
      watchers.every(({ snapshots, resyncs }) => snapshots.items.length === 1 && resyncs.length === 0),
      'every reconnect was a resume',
    )
    const delays = watchers.map(({ closings }) => closings[0]?.reconnectAfterMs as number)
    t.ok(
      watchers.every(({ closings }) => closings[0]?.code === 1012),
      'every watcher was told why',
    )
    t.ok(new Set(delays).size > clientCount / 2, `reconnects are spread over ${Math.max(...delays)} ms`)
  },
)

/** Connections without a request, with half a request, and with half a request after a complete one. */
async function unfinished(port: number): Promise<Socket[]> {
  const peers = ['', 'GET /health HTTP/1.1\r\nHost:', 'GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /hea'].map(text => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.write(text)
    return socket
  })
  const [, , third] = peers
  await once(third!, 'data')
  await Promise.all(peers.slice(0, 2).map(peer => peer.connecting && once(peer, 'connect')))
  return peers
}
