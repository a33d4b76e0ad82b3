import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { startApp, type TestApp } from '../helpers/build.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

/** How many times each attack runs. */
const TIMES = size('ODD_UPGRADES', { quick: 4, full: 1000 })
const AT_ONCE = Math.min(TIMES, 50)

const host = 'Host: x\r\n'
const handshake = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const upgradeTo = (protocol: string) => `${host}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`
const webSocket = `${upgradeTo('websocket')}${handshake}`
const plain = (path: string) => `GET ${path} HTTP/1.1\r\n${host}\r\n`
const get = (path: string, headers: string) => `GET ${path} HTTP/1.1\r\n${headers}\r\n`

/** Bytes that a stranger may send, and the statuses of the answers in order, where known. */
const attacks: Record<string, [bytes: string, statuses: number[]]> = {
  'a WebSocket at a route without one': [get('/health', webSocket), [404]],
  'a WebSocket at a missing route': [get('/nowhere', webSocket), [404]],
  'a WebSocket at an API route': [get('/api/v1/agents', webSocket), [404]],
  'a WebSocket without a token': [get('/ws', webSocket), [401]],
  'a WebSocket at an invalid address': [get('/%zz', webSocket), [400]],
  'a WebSocket in capitals, one of several names': [
    get('/agent', webSocket.replace('websocket', 'h2c, WebSocket')),
    [401],
  ],
  'a WebSocket with a body': [`${get('/ws', `${webSocket}Content-Length: 3\r\n`)}abc`, [401]],
  'a WebSocket with a chunked body': [
    `${get('/ws', `${webSocket}Transfer-Encoding: chunked\r\n`)}1\r\na\r\n0\r\n\r\n`,
    [401],
  ],
  'a WebSocket with Expect': [get('/ws', `${webSocket}Expect: 100-continue\r\n`), [401]],
  'a WebSocket of HTTP/1.0': [get('/ws', webSocket).replace('HTTP/1.1', 'HTTP/1.0'), [401]],
  'frames before the answer': [get('/ws', webSocket) + '\x81\x85aaaa'.repeat(500), [401]],
  'another protocol': [get('/health', upgradeTo('foo')), [200]],
  'another protocol at a missing route': [get('/x', upgradeTo('foo')), [404]],
  'another protocol without a token': [get('/api/v1/agents', upgradeTo('h2c')), [401]],
  'another protocol after a request': [plain('/health') + get('/x', upgradeTo('foo')), [200, 404]],
  'another protocol between requests': [
    plain('/health') + get('/x', upgradeTo('foo')) + plain('/ready'),
    [200, 404, 200],
  ],
  'a WebSocket after requests': [plain('/health') + plain('/ready') + get('/health', webSocket), [200, 200, 404]],
  'many upgrades': [get('/ready', upgradeTo('foo')).repeat(20), Array(20).fill(200)],
  'many WebSockets': [get('/ws', webSocket).repeat(20), [401]],
  'an upgrade without Connection': [get('/health', `${host}Upgrade: websocket\r\n`), [200]],
  'Connection without an upgrade': [get('/health', `${host}Connection: Upgrade\r\n`), [200]],
  'a body that never ends': [`POST /api/v1/tasks HTTP/1.1\r\n${upgradeTo('h2c')}Content-Length: 9\r\n\r\nabc`, [401]],
  'a chunked body': [
    `POST /health HTTP/1.1\r\n${upgradeTo('h2c')}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n${plain('/health')}`,
    [405, 200],
  ],
  ...Object.fromEntries(
    ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'].flatMap(method =>
      ['/ws', '/health', '/x'].map((path): [string, [string, number[]]] => [
        `a WebSocket by ${method} ${path}`,
        [`${method} ${path} HTTP/1.1\r\n${webSocket}\r\n`, []],
      ]),
    ),
  ),
  'a tunnel': [`CONNECT x:80 HTTP/1.1\r\n${host}\r\n`, []],
  'a handshake without a key': [get('/ws', upgradeTo('websocket')), [401]],
}

/** Sends bytes, and waits until the server answers or closes. */
async function attack(url: string, bytes: string, halfClosed: boolean): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).setEncoding('latin1')
  let text = ''
  const done = new Promise<void>(resolve => {
    socket.on('data', (chunk: string) => {
      text += chunk
      resolve()
    })
    socket.on('close', () => resolve())
  })
  socket.on('error', () => {})
  if (halfClosed) socket.end(bytes, 'latin1')
  else socket.write(bytes, 'latin1')
  await done
  socket.destroy()
  return text
}

const connectionsOf = ({ app }: TestApp) => promisify(app.server.getConnections.bind(app.server))()

/** Resolves when no connection is left. The server needs some time to notice that peers are gone. */
const left = (server: TestApp) => until(async () => (await connectionsOf(server)) === 0)

const statusesIn = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))

/** Reads until `count` answers have arrived, or the server closes. */
async function answers(t: Test, url: string, bytes: string, count: number): Promise<{ text: string; socket: Socket }> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).setEncoding('latin1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(bytes, 'latin1')
  let text = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += chunk
    if (statusesIn(text).length >= count) break
  }
  return { text, socket }
}

test('[AU13] [RE18] each upgrade request gets the correct answer', async t => {
  const { url, app } = await startApp(t, { clock: new FakeClock(Date.now()) })
  for (const [name, [bytes, statuses]] of Object.entries(attacks)) {
    if (statuses.length === 0) continue
    const { text } = await answers(t, url, bytes, statuses.length)
    t.same(statusesIn(text), statuses, name)
  }
  // Many peers still keep their end open, and the server's clock stands still.
  await app.close()
})

test('[LM13] no unusual upgrade holds a socket', async t => {
  const server = await startApp(t, { config: { UPGRADE_BURST: 1_000_000, UPGRADE_RATE: 1_000_000 } })
  for (const [name, [bytes]] of Object.entries(attacks)) {
    for (let i = 0; i < TIMES; i += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, j) => attack(server.url, bytes, j % 3 === 2)))
    }
    t.ok(await left(server), name)
  }
})

test('[LM13] an upgrade whose sender leaves at once, or keeps its side open, holds no socket', async t => {
  const clock = new FakeClock(Date.now())
  const server = await startApp(t, { clock })
  const { hostname, port } = new URL(server.url)
  for (const [bytes] of Object.values(attacks)) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const socket = connect(Number(port), hostname).on('error', () => {})
        await once(socket, 'connect')
        socket.write(bytes, 'latin1', () => socket.resetAndDestroy())
        await once(socket, 'close')
      }),
    )
  }
  t.ok(await left(server))
})

test('[LM13] with a token, a wrong handshake and an upgrade after a stream hold no socket', async t => {
  const server = await startApp(t, { clock: new FakeClock(Date.now()) })
  const bearer = `Authorization: Bearer ${await server.token('viewer')}\r\n`
  const wrong: Record<string, string> = {
    'no key': upgradeTo('websocket'),
    'an invalid key': webSocket.replace(/Key: .*\r\n/, 'Key: x\r\n'),
    'another version': webSocket.replace('13', '12'),
    'an invalid subprotocol': `${webSocket}Sec-WebSocket-Protocol: ,\r\n`,
  }
  for (const [name, headers] of Object.entries(wrong)) {
    const { text } = await answers(t, server.url, get('/ws', bearer + headers), Number.POSITIVE_INFINITY)
    t.match(text, /^HTTP\/1.1 400 .*\{"statusCode":400,"code":"invalid_request",.*handshake/s, name)
  }
  t.ok(await left(server))
  const stream = get('/api/v1/events/stream', host + bearer)
  const { text } = await answers(t, server.url, stream + get('/ws', bearer + webSocket), 1)
  t.same(statusesIn(text), [200])
  t.equal(server.app.connections.size, 1)
  await server.app.close()
})
