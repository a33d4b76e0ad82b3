import t from 'tap'
import { startApp } from '../helpers/build.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { rawWebSocket } from '../helpers/raw-websocket.ts'
import { size } from '../helpers/sizes.ts'
import { connectWs } from '../helpers/ws-client.ts'

/*
 * Peers that vanished silently among live peers. Full size:
 * HALF_OPEN=1000 node dist/test/realtime/half-open.test.js
 */
const count = size('HALF_OPEN', { quick: 20, full: 50 })
const HEARTBEAT_MS = 30_000

t.setTimeout(300_000)

t.test('[LV1] [LV4] [CL7] a vanished client is detected within two intervals; a stall closes nobody', async t => {
  const clock = new FakeClock(Date.now())
  const { app, url, token } = await startApp(t, { clock, config: { HEARTBEAT_MS, ADMISSION_RATE: 1_000_000 } })
  const living = await token('viewer', { sub: 'living' })
  const alive = await Promise.all(Array.from({ length: count }, () => connectWs(t, url, living)))
  const lost = await token('viewer', { sub: 'lost' })
  for (let i = 0; i < count; i++) (await rawWebSocket(t, url, lost)).pause()
  const left = (sub: string) => app.connections.ofSub(sub).length
  // A request sent after the server's ping: once it is answered, the pong before it has been received.
  const answered = () => Promise.all(alive.map(client => client.request('ping')))

  clock.stall(10 * HEARTBEAT_MS)
  t.equal(left('living') + left('lost'), 2 * count, 'a stall of the server does not count against its clients')
  await answered()
  clock.jump(86_400_000 / 2)
  t.equal(left('living') + left('lost'), 2 * count, 'nor does a jump of the wall clock')
  for (let i = 0; i < 2; i++) {
    clock.advance(HEARTBEAT_MS)
    await answered()
  }
  t.ok(
    app.connections.ofSub('lost').every(({ isOpen }) => !isOpen),
    'all vanished clients are closed',
  )
  clock.advance(5000)
  while (left('lost') > 0) await new Promise(setImmediate)
  t.equal(app.connections.stats().closedByCode[4408], count)
  t.equal(left('living'), count, 'no other client is closed')
})
