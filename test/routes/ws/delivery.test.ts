import { join } from 'node:path'
import t from 'tap'
import { loadDriver } from '../../../src/log/sqlite-driver.ts'
import { startApp } from '../../helpers/build.ts'
import { said, taskSaid } from '../../helpers/events.ts'
import { temporaryFolder } from '../../helpers/log-folder.ts'
import { rawWebSocket } from '../../helpers/raw-websocket.ts'
import { connectWs, type WireFrame } from '../../helpers/ws-client.ts'

const eventsOf = (frames: WireFrame[]) => frames.filter(({ cursor }) => cursor !== undefined)

t.test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test(
    '[SB1] [EV2] there is no gap and no duplicate between snapshot and live events, even with constant appends',
    async t => {
      const { url, token, log } = server
      const client = await connectWs(t, url, await token('viewer'))
      await log.append([taskSaid('t', '-1')])
      let stop = false
      let last = ''
      const appending = (async () => {
        for (let i = 0; !stop; i++) {
          const result = await log.append([said('a', `${i}`), taskSaid('t', `${i}`)])
          if (result.status === 'ok') last = result.events.at(-1)!.cursor
        }
      })()
      client.send('subscribe', { topics: ['tasks.>'] })
      const first = await client.next('snapshot')
      client.send('subscribe', { topics: ['agents.>'] })
      await client.next('snapshot')
      for (let i = 0; i < 50; i++) await client.next('agent:error')
      stop = true
      await appending
      await client.next(({ cursor }) => cursor === last)
      t.match(first.payload.records, [{ topic: 'tasks.t.status', type: 'task:progress' }])
      const numbers = (type: string) =>
        eventsOf(client.frames)
          .filter(frame => frame.type === type)
          .map(({ payload }) => Number(payload.message))
      const unbroken = (all: number[]) => all.every((n, i) => i === 0 || n === all[i - 1]! + 1)
      t.ok(unbroken(numbers('agent:error')))
      t.ok(unbroken(numbers('task:progress')))
      t.equal(numbers('task:progress')[0], Number(first.payload.records[0].payload.message) + 1)
      const cursors = eventsOf(client.frames).map(({ cursor }) => Number.parseInt(cursor!.split('.')[1]!, 36))
      t.ok(
        cursors.every((n, i) => i === 0 || n > cursors[i - 1]!),
        'in log order across topics',
      )
    },
  )

  await t.test('[RS1] a client that disconnects again and again gets every event once', async t => {
    const { url, token, log } = server
    const viewer = await token('viewer')
    const first = await connectWs(t, url, viewer)
    first.send('dashboard:connect', { subscribe: ['agents.>'] }, 'c')
    let cursor = (await first.next('snapshot')).payload.cursor as string
    await first.close()
    const got: string[] = []
    for (let round = 0; round < 20; round++) {
      await log.append([said('a', `${round} away`)])
      const client = await connectWs(t, url, viewer)
      client.send('dashboard:connect', { resume: { cursor }, subscribe: ['agents.>'] }, 'c')
      const established = await client.next(({ id }) => id === 'c')
      t.match(established, { type: 'connection:established', payload: { resumed: true, cursor } })
      const meanwhile = log.append([said('a', `${round} replaying`), said('b', `${round} too`)])
      await client.next('resume:done')
      await meanwhile
      await log.append([said('a', `${round} live`)])
      await client.next(({ payload }) => payload.message === `${round} live`)
      for (const event of eventsOf(client.frames)) {
        got.push(event.payload.message)
        cursor = event.cursor!
      }
      client.socket.terminate()
    }
    const want = Array.from({ length: 20 }, (_, i) => ['away', 'replaying', 'too', 'live'].map(when => `${i} ${when}`))
    t.same(got, want.flat())
  })

  await t.test('[RS2] a cursor of another log gets resumed false, the reason and snapshots', async t => {
    const { url, token, log } = server
    await log.append([taskSaid('t', 'now')])
    const client = await connectWs(t, url, await token('viewer'))
    client.send('dashboard:connect', { resume: { cursor: 'abc.1' }, subscribe: ['tasks.>'] }, 'c')
    t.match((await client.next(({ id }) => id === 'c')).payload, { resumed: false, reason: 'epoch' })
    t.match(await client.next('snapshot'), { payload: { records: [{ topic: 'tasks.t.status' }] } })
  })

  await t.test('[SB7] [TP5] a task view is subscribed on connect, and shows everything about its task', async t => {
    const { url, token, log } = server
    await log.append([taskSaid('t1', 'before'), taskSaid('t2', 'other')])
    const client = await connectWs(t, url, await token('viewer'), '/ws/tasks/t1')
    const { payload } = await client.next('snapshot')
    t.match(payload, { topics: ['tasks.t1.>'], records: [{ payload: { message: 'before' } }] })
    await log.append([taskSaid('t2', 'no'), { ...said('a', 'yes'), taskId: 't1' }, taskSaid('t1', 'last')])
    await client.next('task:progress')
    t.same(
      eventsOf(client.frames).map(({ payload }) => payload.message),
      ['yes', 'last'],
    )
  })
})

t.test('[EV3] an event is sent only once it is on disk: while writing fails, nobody gets it', async t => {
  const dir = temporaryFolder(t)
  const { url, token, log } = await startApp(t, { config: { DATA_DIR: dir } })
  const client = await connectWs(t, url, await token('viewer'))
  await client.request('subscribe', { topics: ['agents.*.log'], snapshot: false })
  const disk = (await loadDriver()).open(join(dir, 'fleetwire.db'))
  t.teardown(() => disk.close())
  const count = () => disk.prepare("SELECT count(*) AS n FROM events WHERE type = 'agent:error'").get()?.n
  disk.exec('PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE')
  const appended = log.append([said('a1', 'one')])
  // Each reply comes after everything that was sent before it.
  for (let i = 0; i < 20; i++) await client.request('ping')
  t.same(eventsOf(client.frames), [])
  disk.exec('ROLLBACK')
  await client.next('agent:error')
  t.equal(count(), 1, 'another process sees it no later than a client does')
  t.match(await appended, { status: 'ok' })
})

t.test('[OB3] [OB5] a frozen client is closed with 4508 at its limit; the others get everything', async t => {
  const { url, token, log, app } = await startApp(t, { config: { OUTBOX_LIMIT_BYTES: 256 * 1024 } })
  const frozen = await rawWebSocket(t, url, await token('viewer', { sub: 'frozen' }))
  frozen.pause()
  const subscribe = Buffer.from(
    JSON.stringify({ type: 'subscribe', payload: { topics: ['agents.>'], snapshot: false } }),
  )
  frozen.write(Buffer.concat([Buffer.from([0x81, 0x80 | subscribe.length, 0, 0, 0, 0]), subscribe]))
  const reader = await connectWs(t, url, await token('viewer', { sub: 'reader' }))
  await reader.request('subscribe', { topics: ['agents.>'], snapshot: false })
  const text = 'x'.repeat(20_000)
  let sent = 0
  let most = 0
  for (
    ;
    app.connections.ofSub('frozen').length > 0 &&
    app.connections.stats().closedByCode[4508] === undefined &&
    sent < 3000;
    sent++
  ) {
    await log.append([said('a', `${sent} ${text}`)])
    const [connection] = app.connections.ofSub('frozen')
    if (connection?.isOpen === false) break
    most = Math.max(most, connection?.bufferedBytes ?? 0)
  }
  t.ok(most < 256 * 1024 + 2 * 21_000, `at most ${most} bytes were buffered`)
  await reader.next(({ payload }) => payload.message?.startsWith(`${sent - 1} `))
  t.same(
    eventsOf(reader.frames).map(({ payload }) => Number.parseInt(payload.message, 10)),
    Array.from({ length: sent }, (_, i) => i),
  )
  frozen.destroy()
  while (app.connections.size > 1) await new Promise(resolve => setImmediate(resolve))
  t.same(app.connections.stats().closedByCode, { 4508: 1 })
})
