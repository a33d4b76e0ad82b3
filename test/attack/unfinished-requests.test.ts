import { once } from 'node:events'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import { test } from 'tap'
import { startApp } from '../helpers/build.ts'
import { size } from '../helpers/sizes.ts'
import { until } from '../helpers/until.ts'

const DRIP_MS = 20
const EACH = size('UNFINISHED', { quick: 5, full: 20 })

test('[LM18] a response that is not read does not hold a socket beyond its deadline', async t => {
  const config = { HEARTBEAT_MS: 200, STALLED_CONNECTION_MS: 2000 }
  const { url, app, token } = await startApp(t, { config })
  const { hostname, port } = new URL(url)
  const connections = promisify(app.server.getConnections.bind(app.server))
  const stream = await fetch(`${url}/api/v1/events/stream`, {
    headers: { authorization: `Bearer ${await token('viewer')}` },
  })
  const reader = stream.body!.getReader()
  let [chunks, ended] = [0, false]
  const reading = (async () => {
    while (!(await reader.read()).done) chunks++
    ended = true
  })().catch(() => {
    ended = true
  })
  t.teardown(async () => {
    await reader.cancel()
    await reading
  })
  for (let i = 0; i < EACH; i++) {
    const socket = connect(Number(port), hostname).pause()
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100))
  }
  await until(async () => (await connections()) === 1)
  // The stream that is read stays open.
  const [before, more] = [chunks, 5]
  await until(() => ended || chunks >= before + more)
  t.notOk(ended)
})

test('[LM14] a request that never completes holds a socket only until its deadline, however slowly it arrives', async t => {
  const { url, token, app } = await startApp(t, { config: { HEADERS_TIMEOUT_MS: 300, REQUEST_TIMEOUT_MS: 600 } })
  const { hostname, port } = new URL(url)
  const authorization = `Authorization: Bearer ${await token('operator')}\r\n`
  const post = (headers: string) => `POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\n${headers}\r\n`
  const json = 'Content-Type: application/json\r\n'
  const shapes: Record<string, [start: string, drip: string, answer: RegExp]> = {
    'nothing at all': ['', '', /^HTTP\/1.1 408 /],
    'half a line': ['GET /hea', '', /^HTTP\/1.1 408 /],
    'headers that drip': ['GET /health HTTP/1.1\r\nX: ', 'x', /^HTTP\/1.1 408 /],
    'headers without an end': ['GET /health HTTP/1.1\r\n', 'X: x\r\n', /^HTTP\/1.1 408 /],
    'a body that drips': [post(`${authorization}${json}Content-Length: 9999\r\n`), ' ', /^HTTP\/1.1 408 /],
    'chunks that drip': [
      post(`${authorization}${json}Transfer-Encoding: chunked\r\n`),
      '1\r\n \r\n',
      /^HTTP\/1.1 408 /,
    ],
    'a body that is refused before it has arrived': [post(`${json}Content-Length: 9999\r\n`), ' ', /^HTTP\/1.1 401 /],
    'a body that is too large': [post(`${authorization}${json}Content-Length: 9999999\r\n`), ' ', /^HTTP\/1.1 413 /],
    'a second request': [
      'GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /heal',
      't',
      /^HTTP\/1.1 200 [\s\S]*HTTP\/1.1 408 /,
    ],
    'the body of an upgrade to nothing': [
      post(`Connection: Upgrade\r\nUpgrade: h2c\r\n${json}Content-Length: 9999\r\n`),
      ' ',
      /^HTTP\/1.1 401 /,
    ],
  }
  await Promise.all(
    Object.entries(shapes).flatMap(([name, [start, drip, answer]]) =>
      Array.from({ length: EACH }, async (_, i) => {
        // The client keeps its end open for as long as it can.
        const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true }).setEncoding('latin1')
        t.teardown(() => socket.destroy())
        let text = ''
        socket.on('data', chunk => {
          text += chunk
        })
        socket.on('error', () => {})
        if (start) socket.write(start)
        const dripping = setInterval(() => drip && socket.write(drip), DRIP_MS)
        await new Promise<unknown>(resolve => socket.once('end', resolve).once('close', resolve))
        clearInterval(dripping)
        if (i === 0) t.match(text, answer, name)
      }),
    ),
  )
  const connections = promisify(app.server.getConnections.bind(app.server))
  await until(async () => (await connections()) === 0)
  t.equal(await connections(), 0)
})
