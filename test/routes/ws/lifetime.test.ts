import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { startApp } from '../../helpers/build.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { rawWebSocket } from '../../helpers/raw-websocket.ts'
import { size } from '../../helpers/sizes.ts'
import { connectWs, refusedUpgrade } from '../../helpers/ws-client.ts'

const counted = () => {
  const resources = process.getActiveResourcesInfo()
  const count = (name: string) => resources.filter(resource => resource === name).length
  return { TCPSocketWrap: count('TCPSocketWrap'), Timeout: count('Timeout') }
}
const turn = () => new Promise(resolve => setImmediate(resolve))

const CONNECTIONS = size('CONNECTIONS', { quick: 200, full: 1000 })
/** The garbage collector may keep a few requests for longer; a leak keeps all of them. */
const MOST_KEPT = CONNECTIONS / 10

t.test(`${CONNECTIONS} connections open and close and leave nothing behind`, async t => {
  const clock = new FakeClock(Date.now())
  const { url, token, app } = await startApp(t, { clock, config: { ADMISSION_RATE: 100_000 } })
  const viewer = await token('viewer')
  const requests: WeakRef<object>[] = []
  app.websocketServer.on('connection', (_socket, request) => requests.push(new WeakRef(request)))
  const cycle = async (i: number) => {
    const socket = await rawWebSocket(t, url, viewer)
    const subscribe = JSON.stringify({ type: 'subscribe', payload: { topics: [`tasks.t${i}.>`] } })
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | subscribe.length, 0, 0, 0, 0]), Buffer.from(subscribe)]))
    socket.end()
    socket.destroy()
  }
  const gone = async () => {
    while (app.connections.size > 0) await turn()
  }
  await cycle(0)
  await gone()
  const timers = clock.pending
  const before = counted()
  for (let i = 0; i < CONNECTIONS; i += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, j) => cycle(i + j)))
    await gone()
  }
  t.equal(app.connections.stats().opened, CONNECTIONS + 1)
  t.equal(app.broadcaster.stats().subscribers, 0)
  t.equal(clock.pending, timers, 'none of our timers')
  // The attackers' ends belong to this process too, and go when the kernel says so.
  for (let i = 0; i < 1000 && counted().TCPSocketWrap > before.TCPSocketWrap; i++) await turn()
  t.ok(counted().TCPSocketWrap <= before.TCPSocketWrap, 'no handle')
  t.ok(counted().Timeout <= before.Timeout + 1, 'no timer of a library')
  setFlagsFromString('--expose-gc')
  for (let i = 0; i < 3; i++) {
    runInNewContext('gc')()
    await turn()
  }
  t.ok(
    requests.filter(request => request.deref() !== undefined).length < MOST_KEPT,
    'the upgrade requests are released',
  )
})

t.test('an open socket does not retain its upgrade request', async t => {
  const { url, token, app } = await startApp(t)
  let request: WeakRef<object> | undefined
  app.websocketServer.once('connection', (_socket, upgrade) => {
    request = new WeakRef(upgrade)
  })
  const client = await connectWs(t, url, await token('viewer'))
  await client.request('ping')
  setFlagsFromString('--expose-gc')
  for (let i = 0; i < 20 && request?.deref() !== undefined; i++) {
    await turn()
    runInNewContext('gc')()
  }
  t.equal(request?.deref(), undefined)
  await client.request('ping')
})

t.test('[CL4] shutdown: each client is told when to reconnect, spread over a period, and closed with 1012', async t => {
  const { url, token, app } = await startApp(t)
  const viewer = await token('viewer')
  const clients = await Promise.all(Array.from({ length: 20 }, () => connectWs(t, url, viewer)))
  const closing = app.close()
  const codes = await Promise.all(clients.map(client => client.closed))
  await closing
  t.same(codes, Array(20).fill(1012))
  const delays = clients.map(({ frames }) => frames.at(-1)!.payload.reconnectAfterMs as number)
  t.equal(new Set(delays).size, 20)
  t.ok(Math.max(...delays) <= 10_000)
})

t.test('[CL7] shutdown does not wait for a peer that never answers, and accepts no new sockets', async t => {
  const clock = new FakeClock(Date.now())
  const { url, token, app } = await startApp(t, { clock })
  const viewer = await token('viewer')
  const deaf = await rawWebSocket(t, url, viewer)
  deaf.pause()
  let closed = false
  const closing = app.close().then(() => {
    closed = true
  })
  while (app.connections.refusal({ sub: 'x' } as never) === undefined) await turn()
  t.match(await refusedUpgrade(`${url}/ws`, { headers: { authorization: `Bearer ${viewer}` } }), { status: 503 })
  t.notOk(closed)
  clock.advance(5000)
  await closing
})
