import { once } from 'node:events'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { startApp, type TestApp } from '../helpers/build.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { clientFrame, closeCodeOf, rawWebSocket } from '../helpers/raw-websocket.ts'
import { until } from '../helpers/until.ts'
import { connectWs } from '../helpers/ws-client.ts'

const PING = 9
const PONG = 10
const CONTINUATION = 0

/** Frames that cost a peer nothing to repeat. `first` is sent once, before them. */
const floods: Record<string, { first?: Buffer; again: Buffer }> = {
  'empty text': { again: clientFrame('') },
  pings: { again: clientFrame('x', { opcode: PING }) },
  'empty pings': { again: clientFrame('', { opcode: PING }) },
  pongs: { again: clientFrame('', { opcode: PONG }) },
  'pongs in the middle of a message': {
    first: clientFrame('{', { fin: false }),
    again: clientFrame('', { opcode: PONG }),
  },
  'parts of one byte': {
    first: clientFrame('{', { fin: false }),
    again: clientFrame(' ', { opcode: CONTINUATION, fin: false }),
  },
  'empty parts': {
    first: clientFrame('', { fin: false }),
    again: clientFrame('', { opcode: CONTINUATION, fin: false }),
  },
  'messages of two parts': {
    again: Buffer.concat([clientFrame('', { fin: false }), clientFrame('{}', { opcode: CONTINUATION })]),
  },
  binary: { again: clientFrame('', { opcode: 2 }) },
}

/** Writes until the socket is closed or `frames` are written. Resolves with how many were sent. */
async function flood(socket: Socket, { first, again }: { first?: Buffer; again: Buffer }, frames: number) {
  if (first !== undefined) socket.write(first)
  const many = Buffer.concat(Array.from({ length: 500 }, () => again))
  let sent = 0
  while (sent < frames && socket.writable) {
    socket.write(many)
    sent += 500
    await new Promise(resolve => setImmediate(resolve))
  }
  return sent
}

/** The server's end of the only socket of a subject. */
async function serverSocket(test: Test, { app, url, token }: TestApp, sub: string, path = '/ws') {
  const accepted = once(app.websocketServer, 'connection')
  const role = path === '/agent' ? 'agent' : 'viewer'
  const socket = await rawWebSocket(test, url, await token(role, { sub }), { path })
  const [ws] = await accepted
  return { socket, raw: ws._socket as Socket }
}

/** How long the server waits for a peer to close its side. */
const CLOSE_DEADLINE_MS = 5000
/** A paused Node socket still reads as much as its buffer holds. */
const READ_AHEAD_BYTES = 256 * 1024

async function readNoFurther(t: Test, socket: Socket, raw: Socket) {
  const { bytesRead } = raw
  // After the close deadline the server destroys the socket, so a slow machine writes less.
  for (let i = 0; i < 20 && socket.writable; i++) {
    socket.write(Buffer.alloc(100_000))
    await new Promise(resolve => setImmediate(resolve))
  }
  t.ok(raw.bytesRead - bytesRead < READ_AHEAD_BYTES, `${raw.bytesRead - bytesRead} of 2,000,000 bytes were read`)
  socket.destroy()
}

t.test('a server with the default configuration', async t => {
  const server = await startApp(t)
  await t.test(
    '[LM2] [CL11] a flood of any kind counts as frames: the socket is closed with 4429 and no longer read',
    async t => {
      const bystander = await connectWs(t, server.url, await server.token('viewer', { sub: 'bob' }))
      for (const [name, kind] of Object.entries(floods)) {
        const { socket, raw } = await serverSocket(t, server, name.replaceAll(' ', '_'))
        const code = closeCodeOf(socket)
        await flood(socket, kind, 5000)
        t.match(String(await code), /^4429$|^4000$/, name)
        await readNoFurther(t, socket, raw)
        await bystander.request('ping')
      }
    },
  )

  await t.test('[LM2] fragments, pings and pongs within the frame rate are allowed', async t => {
    const { url, token } = server
    const socket = await rawWebSocket(t, url, await token('viewer'))
    const text = '{"type":"ping"}'
    socket.write(clientFrame(text[0]!, { fin: false }))
    for (const char of text.slice(1, -1)) {
      socket.write(clientFrame(char, { opcode: CONTINUATION, fin: false }))
      socket.write(clientFrame('', { opcode: PONG }))
      socket.write(clientFrame('', { opcode: CONTINUATION, fin: false }))
    }
    socket.write(clientFrame(text.at(-1)!, { opcode: CONTINUATION }))
    let received = ''
    while (!received.includes('"type":"pong"')) received += String((await once(socket, 'data'))[0])
    t.notMatch(received, /rate_limited/)
  })

  await t.test('[CL11] a peer that keeps sending after any other close is no longer read either', async t => {
    const { socket, raw } = await serverSocket(t, server, 'mallory')
    const code = closeCodeOf(socket)
    for (const connection of server.app.connections.ofSub('mallory')) connection.close(4403, 'closed by an admin')
    t.equal(await code, 4403)
    void flood(socket, { again: clientFrame('{"type":"ping"}') }, 100_000)
    await once(raw, 'close')
    t.ok(raw.bytesRead < 1_000_000, `${raw.bytesRead} bytes were read`)
  })

  await t.test('[CL11] a frame over the size limit is not read to its end', async t => {
    for (const length of [256 * 1024 + 1, 2 ** 40, 2 ** 53 - 1]) {
      const { socket, raw } = await serverSocket(t, server, `mallory${length}`)
      const code = closeCodeOf(socket)
      socket.write(clientFrame('{', { length }))
      t.equal(await code, 4413, `of ${length} bytes`)
      await readNoFurther(t, socket, raw)
    }
  })

  await t.test('[CL12] a peer’s close frame is answered with its own code', async t => {
    const { url, token } = server
    for (const code of [1000, 1001, 1009, 1011, 3000, 4000, 4413]) {
      const socket = await rawWebSocket(t, url, await token('viewer'))
      const echoed = closeCodeOf(socket)
      socket.write(clientFrame(Buffer.from([code >> 8, code & 0xff]), { opcode: 8 }))
      t.equal(await echoed, code)
    }
  })
})

t.test('[LM1] a frame length of more than 2^53 counts as too large', async t => {
  const { url, token, app } = await startApp(t)
  const socket = await rawWebSocket(t, url, await token('viewer'))
  const head = Buffer.concat([Buffer.from([0x81, 0xff]), Buffer.alloc(8, 0x7f), Buffer.alloc(4)])
  const code = closeCodeOf(socket)
  socket.write(head)
  t.equal(await code, 4413)
  socket.destroy()
  while (app.connections.size > 0) await new Promise(resolve => setImmediate(resolve))
  t.same(app.connections.stats().closedByCode, { 4413: 1 })
})

t.test('[LM15] an agent may send 4,000 frames at once and 2,000 in the next second; then it is refused', async t => {
  const clock = new FakeClock(Date.now())
  const { url, token } = await startApp(t, { clock })
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b', inventory: [] })
  t.match((await agent.next('connection:established')).payload.limits, { frameRate: 2000, frameBurst: 4000 })
  // Most frames are heartbeats, which are not stored.
  let n = 0
  for (let i = 1; i < 4000; i++) {
    if (i % 10 < 9) agent.send('heartbeat', {})
    else agent.raw(JSON.stringify({ type: 'agent:status', n: ++n, payload: { work: 'working' } }))
  }
  await agent.next(({ type, payload }) => type === 'report:ack' && payload.n === n)
  t.notOk(agent.frames.find(({ type }) => type === 'error'))
  clock.advance(1000)
  for (let i = 0; i < 3000; i++) agent.send('heartbeat', {})
  t.match((await agent.next('error')).payload, { code: 'rate_limited' })
  await until(() => agent.socket.readyState === agent.socket.CLOSING)
  // The server no longer reads, so it never sees the answer to its close frame.
  clock.advance(CLOSE_DEADLINE_MS)
  t.equal(await agent.closed, 4429)
})
