import { once } from 'node:events'
import t from 'tap'
import { startApp } from '../../helpers/build.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { clientFrame, closeCodeOf, rawWebSocket } from '../../helpers/raw-websocket.ts'
import { connectWs, type WsClient } from '../../helpers/ws-client.ts'

const KiB = 1024

/** Checks that a well-behaved client next to the attacker noticed nothing. */
async function unharmed(t: { ok(value: unknown, name: string): void }, bystander: WsClient): Promise<void> {
  t.ok((await bystander.request('ping')).timestamp, 'others are still served')
}

t.test('a server with default settings', async t => {
  const server = await startApp(t)
  await t.test(
    '[ER3] [FR3] [FR4] [FR5] [FR8] each invalid frame gets its error, and the socket stays open',
    async t => {
      const { url, token } = server
      const client = await connectWs(t, url, await token('operator'))
      const cases: [string, string, string?][] = [
        ['{', 'bad_json'],
        ['[]', 'invalid_frame'],
        ['{"type":7}', 'invalid_frame'],
        ['{"type":"toString"}', 'unknown_type'],
        ['{"type":"agent:connect","id":"x","payload":{"bootId":"b"}}', 'unknown_type', 'x'],
        ['{"type":"subscribe","id":"y","payload":{"topics":"agents.>"}}', 'invalid_frame', 'y'],
        ['{"type":"subscribe","id":"../../etc"}', 'invalid_frame'],
        [`{"type":"ping","payload":${'['.repeat(5000)}${']'.repeat(5000)}}`, 'invalid_frame'],
      ]
      for (const [text, code, id] of cases) {
        client.raw(text)
        const { payload, ...frame } = await client.next('error')
        t.match({ ...payload, id: frame.id }, { code, id, retryable: false }, text.slice(0, 60))
      }
      client.raw(Buffer.from('{"type":"ping"}'))
      t.match(await client.next('error'), { payload: { code: 'invalid_frame', message: /Binary/ } })
      client.send('ping', {}, 'z')
      await client.next(({ id }) => id === 'z')
    },
  )

  await t.test(
    '[PM7] [SB5] [LM3] forbidden patterns are named, the others are subscribed, and 64 is the limit',
    async t => {
      const { url, token } = server
      const client = await connectWs(t, url, await token('viewer', { sub: 'ann', agents: ['dev-*'] }))
      const wanted = ['agents.prod.>', 'users.bob.inbox', 'system.connections', 'agents..x', 'agents.dev-1.>']
      t.match(await client.request('subscribe', { topics: wanted }), { ok: true, topics: ['agents.dev-1.>'] })
      const named = client.frames
        .filter(({ type }) => type === 'error')
        .map(({ payload }) => [payload.code, payload.details])
      t.match(named, [
        [
          'forbidden',
          { topic: 'agents.prod.>', topics: ['agents.prod.>', 'users.bob.inbox', 'system.connections'], count: 3 },
        ],
        ['invalid_frame', { topic: 'agents..x' }],
      ])
      t.match(await client.request('subscribe', { topics: ['agents.prod.>'] }), {
        ok: false,
        error: { code: 'forbidden' },
      })
      const many = (n: number) => Array.from({ length: n }, (_, i) => `tasks.t${i}.>`)
      t.match(await client.request('subscribe', { topics: many(63) }), { ok: true })
      t.match(await client.request('subscribe', { topics: many(64) }), {
        ok: false,
        error: { code: 'subscription_limit' },
      })
      await client.request('unsubscribe', { topics: many(10) })
      t.match(await client.request('subscribe', { topics: ['sessions.>'] }), { ok: true })
      client.send('dashboard:connect', { subscribe: many(60) }, 'c')
      t.match(await client.next(({ id }) => id === 'c'), { type: 'error', payload: { code: 'subscription_limit' } })
    },
  )

  await t.test('[CL8] fragmented messages are reassembled; broken framing ends only that socket', async t => {
    const { url, token } = server
    const bystander = await connectWs(t, url, await token('viewer', { sub: 'bob' }))
    const pieces = await rawWebSocket(t, url, await token('viewer'))
    for (const byte of clientFrame('{"type":"pi', { fin: false })) pieces.write(Buffer.from([byte]))
    pieces.write(clientFrame('between', { opcode: 9 }))
    pieces.write(clientFrame('ng"}', { opcode: 0 }))
    let received = ''
    while (!received.includes('"type":"pong"')) received += String((await once(pieces, 'data'))[0])
    t.match(received, /between/)
    const broken = {
      'not masked': clientFrame('{"type":"ping"}', { masked: false }),
      'unknown opcode': clientFrame('x', { opcode: 5 }),
      'continuation of nothing': clientFrame('x', { opcode: 0 }),
      'not UTF-8': clientFrame(Buffer.from([0xff, 0xfe])),
      'long control frame': clientFrame('x'.repeat(200), { opcode: 9 }),
      'close code of nobody': clientFrame(Buffer.from([0, 1]), { opcode: 8 }),
      'random bytes': Buffer.from('d1ce'.repeat(300), 'hex'),
    }
    for (const [name, bytes] of Object.entries(broken)) {
      const socket = await rawWebSocket(t, url, await token('viewer'))
      socket.write(bytes)
      t.match(await closeCodeOf(socket), /^10(02|07)$/, name)
    }
    await unharmed(t, bystander)
  })
})

t.test('[CL5] floods of garbage are closed with 4000, floods above the rate with 4429', async t => {
  const { url, token } = await startApp(t)
  const bystander = await connectWs(t, url, await token('viewer', { sub: 'bob' }))
  const garbage = await rawWebSocket(t, url, await token('viewer'))
  garbage.write(Buffer.concat(Array.from({ length: 5000 }, () => clientFrame('garbage'))))
  t.equal(await closeCodeOf(garbage), 4000)
  const haste = await rawWebSocket(t, url, await token('viewer'))
  haste.write(Buffer.concat(Array.from({ length: 5000 }, () => clientFrame('{"type":"ping"}'))))
  t.equal(await closeCodeOf(haste), 4429)
  const pings = await rawWebSocket(t, url, await token('viewer'))
  pings.write(Buffer.concat(Array.from({ length: 5000 }, () => clientFrame('', { opcode: 9 }))))
  t.equal(await closeCodeOf(pings), 4429)
  await unharmed(t, bystander)
})

t.test('[LM1] an oversized frame is refused as soon as its header arrives: 4413', async t => {
  const { url, token, app } = await startApp(t, { config: { MAX_FRAME_BYTES: 64 * KiB } })
  const bystander = await connectWs(t, url, await token('viewer', { sub: 'bob' }))
  const whole = await connectWs(t, url, await token('viewer'))
  whole.raw(JSON.stringify({ type: 'ping', payload: { x: 'x'.repeat(64 * KiB - 100) } }))
  await whole.next('pong')
  whole.raw('x'.repeat(64 * KiB + 1))
  t.equal(await whole.closed, 4413)
  const announced = await rawWebSocket(t, url, await token('viewer'))
  announced.write(clientFrame('only the beginning', { length: 2 ** 40 }))
  t.equal(await closeCodeOf(announced), 4413)
  const pieces = await rawWebSocket(t, url, await token('viewer'))
  pieces.write(clientFrame('x'.repeat(40 * KiB), { fin: false }))
  pieces.write(clientFrame('x'.repeat(40 * KiB), { opcode: 0 }))
  t.equal(await closeCodeOf(pieces), 4413)
  await unharmed(t, bystander)
  while (app.connections.size > 1) await new Promise(resolve => setImmediate(resolve))
  t.same(app.connections.stats().closedByCode, { 4413: 3 })
})

t.test(
  '[LV1] [CL7] a half-open peer that answers nothing is closed with 4408 and cut; one that only reads stays',
  async t => {
    const clock = new FakeClock(Date.now())
    const { url, token, app } = await startApp(t, { clock })
    const dead = await rawWebSocket(t, url, await token('viewer', { sub: 'dead' }))
    const alive = await connectWs(t, url, await token('viewer', { sub: 'alive' }))
    const code = closeCodeOf(dead)
    for (let i = 0; i < 2; i++) {
      clock.advance(30_000)
      t.match(await alive.next('heartbeat'), { payload: { timestamp: clock.now() } })
      await alive.request('ping')
    }
    clock.advance(5000)
    t.equal(await code, 4408)
    await alive.request('ping')
    t.same(
      app.connections.list().map(({ principal }) => principal.sub),
      ['alive'],
    )
  },
)
