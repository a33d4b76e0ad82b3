import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { addressPolicy } from '../../../src/address-policy.ts'
import { systemClock } from '../../../src/clock.ts'
import { HttpSender, type Resolve } from '../../../src/webhooks/http-sender.ts'
import { isInstalled } from '../../helpers/programs.ts'
import { startReceiver } from '../../helpers/receiver.ts'
import { until } from '../../helpers/until.ts'

const body = '{"type":"custom:x"}'
const headers = { 'webhook-id': 'id' }

function sender(t: Test, { allow = '127.0.0.1', timeoutMs = 60_000, resolve = undefined as Resolve | undefined } = {}) {
  const http = new HttpSender({
    ...{ policy: addressPolicy(allow), clock: systemClock, timeoutMs, version: '1.2.3' },
    ...(resolve && { resolve }),
  })
  t.teardown(() => http.close())
  const never = new AbortController().signal
  return Object.assign(http, { post: (url: string, aborted = never) => http.send({ url, headers, body }, aborted) })
}

/** A server that sends what the test wants, byte by byte. */
async function raw(
  t: Test,
  onSocket: (socket: Socket) => void,
): Promise<{ url: string; server: Server; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    sockets.push(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { server, sockets, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

const answering = (text: string) => (socket: Socket) => void socket.on('data', () => socket.write(text))

t.test('a 2xx is success, and the body is sent unchanged', async t => {
  const receiver = await startReceiver(t)
  const { post } = sender(t)
  for (const status of [200, 201, 202, 204, 299]) {
    receiver.respond = (_, response) => void response.writeHead(status).end()
    t.match(await post(receiver.url), { ok: true, statusCode: status, at: Number, durationMs: Number })
  }
  t.match(receiver.received[0], {
    text: body,
    headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'Fleetwire/1.2.3', 'webhook-id': 'id' },
  })
})

t.test('[WH5] anything else is a failure, with the response; a redirect is not followed', async t => {
  const elsewhere = await startReceiver(t)
  const receiver = await startReceiver(t)
  const { post } = sender(t)
  for (const status of [300, 301, 302, 303, 307, 308, 400, 401, 404, 410, 429, 500, 503]) {
    receiver.respond = (_, response) =>
      void response.writeHead(status, { location: elsewhere.url, 'retry-after': '7' }).end('why\n\u0007not')
    const sent = await post(receiver.url)
    t.match(sent, {
      ok: false,
      statusCode: status,
      response: 'why not',
      retryAfterMs: status === 410 ? undefined : 7000,
    })
    t.equal('isGone' in sent, status === 410)
    if (status < 400) t.match(sent, { error: /redirects are not followed/ })
  }
  t.same(elsewhere.received, [])
})

t.test('[WH10] no more of a response is read than needed, however it is sent', async t => {
  const { post } = sender(t)
  let written = 0
  const flood = await raw(t, socket => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
      const more = () => {
        while (!socket.destroyed && socket.write(chunk)) written += chunk.length
        if (!socket.destroyed) socket.once('drain', more)
      }
      more()
    })
  })
  const sent = await post(flood.url)
  t.match(sent, { ok: true, statusCode: 200 })
  t.equal(sent.response?.length, 500)
  await until(() => flood.sockets[0]!.destroyed)
  t.ok(written < 50_000_000, 'the connection was cut')
  const drip = await raw(t, answering('HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\nbegin'))
  t.match(await post(drip.url), { ok: false, statusCode: 503, response: 'begin' })
})

t.test('[WH5] a receiver that does not respond in time, or not in HTTP, fails', async t => {
  const { post } = sender(t, { timeoutMs: 200 })
  for (const [text, error] of [
    ['', /no answer within 200 ms/],
    ['HTTP/1.1 200 OK\r\nX-Slow: ', /no answer within 200 ms/],
    ['HTTP/1.1 100 Continue\r\n\r\n', /no answer within 200 ms/],
    ['SSH-2.0-OpenSSH_9.6\r\n', /HPE_/],
    [`HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`, /HPE_HEADER_OVERFLOW/],
  ] as const) {
    const { url } = await raw(t, answering(text))
    t.match(await post(url), { ok: false, error }, text.slice(0, 40))
  }
  const upgrade = await raw(
    t,
    answering('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  )
  t.match(await post(upgrade.url), { ok: false, error: String })
  const cut = await raw(t, socket => void socket.on('data', () => socket.destroy()))
  t.match(await post(cut.url), { ok: false, error: /socket hang up|ECONNRESET/ })
  const closed = await raw(t, () => {})
  closed.server.close()
  await once(closed.server, 'close')
  t.match(await post(closed.url), { ok: false, error: /ECONNREFUSED/ })
  t.match(await post(closed.url.replace('http:', 'https:')), { ok: false, error: /ECONNREFUSED/ })
})

t.test('a certificate that is not trusted is refused', async t => {
  if (!isInstalled(t, 'openssl')) return
  const dir = t.testdir({})
  const made = spawnSync(
    'openssl',
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout key -out cert -days 2 -nodes -subj /CN=x'.split(
      ' ',
    ),
    { cwd: dir },
  )
  t.equal(made.status, 0, String(made.stderr))
  let requests = 0
  const options = { key: readFileSync(`${dir}/key`), cert: readFileSync(`${dir}/cert`) }
  const server = createHttps(options, (_, response) => {
    requests++
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  t.match(await sender(t).post(`https://127.0.0.1:${port}/`), { ok: false, error: /self-signed certificate/ })
  t.equal(requests, 0)
})

t.test('a request can be aborted', async t => {
  const silent = await raw(t, () => {})
  const { post } = sender(t)
  const stop = new AbortController()
  const sent = post(silent.url, stop.signal)
  await until(() => silent.sockets.length === 1)
  stop.abort()
  t.match(await sent, { ok: false, error: /aborted/ })
  t.match(await post(silent.url, stop.signal), { ok: false, error: /aborted/ }, 'even before it begins')
})

t.test('a kept-alive connection that the receiver closed is replaced', async t => {
  let requests = 0
  const receiver = await raw(t, socket => {
    let own = 0
    socket.on('data', () => {
      requests++
      if (++own > 1) socket.resetAndDestroy()
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
  })
  const { post } = sender(t)
  for (let i = 0; i < 3; i++) t.match(await post(receiver.url), { ok: true })
  t.ok(requests >= 4, 'one connection was reset')
})

t.test('[WH13] a name is resolved once per connection, which goes to the checked address', async t => {
  const receiver = await startReceiver(t)
  const { port } = new URL(receiver.url)
  let lookups = 0
  const answers = [['127.0.0.1'], ['10.0.0.1'], ['127.0.0.1', '10.0.0.1'], ['169.254.169.254'], ['::ffff:10.0.0.1'], []]
  const resolve: Resolve = (_name, done) => {
    const addresses = answers[Math.min(lookups++, answers.length - 1)]!
    done(
      null,
      addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
  const { post, urlFlaw } = sender(t, { resolve })
  const url = `http://rebind.example:${port}/hook`
  t.match(await post(url), { ok: true })
  t.equal(lookups, 1, 'not resolved a second time to connect')
  t.equal(receiver.received[0]!.headers.host, `rebind.example:${port}`)
  const fresh = sender(t, { resolve })
  for (const why of ['private', 'private', 'credentials|link-local', 'private', 'no address']) {
    t.match(await fresh.post(url), { ok: false, error: new RegExp(why) }, why)
  }
  t.equal(receiver.received.length, 1)
  lookups = 1
  t.match(await urlFlaw.call(fresh, url), /not allowed: 10.0.0.1 is not public/)
  t.equal(
    await urlFlaw.call(fresh, 'http://rebind.example:1/').then(String),
    'must not use port 1: allowed are 80, 443, and 1024 and above.',
  )
})

t.test('[WH13] an address that is not allowed is not connected to, wherever its URL came from', async t => {
  const receiver = await startReceiver(t)
  const { post } = sender(t, { allow: '' })
  t.match(await post(receiver.url), { ok: false, error: /127.0.0.1 is not public \(loopback\)/ })
  const { port } = new URL(receiver.url)
  for (const host of ['localhost', '0x7f.1', '[::ffff:127.0.0.1]', '0']) {
    t.match(await post(`http://${host}:${port}/hook`), { ok: false, error: /not public|no address|not allowed/ }, host)
  }
  t.same(receiver.received, [])
})

t.test('[WH6] names that do not resolve do not block the others', async t => {
  const receiver = await startReceiver(t)
  const { port } = new URL(receiver.url)
  const hanging: (() => void)[] = []
  const resolve: Resolve = (name, done) => {
    if (name.startsWith('dead'))
      hanging.push(() => done(Object.assign(new Error('getaddrinfo'), { code: 'EAI_AGAIN' }), []))
    else done(null, [{ address: '127.0.0.1', family: 4 }])
  }
  const { post } = sender(t, { resolve, timeoutMs: 60_000 })
  const dead = (i: number) => `http://dead${i}.example:${port}/`
  const first = [1, 2].map(i => post(dead(i)))
  await until(() => hanging.length === 2)
  for (const fail of hanging.splice(0)) fail()
  for (const sent of await Promise.all(first)) t.match(sent, { ok: false, error: /EAI_AGAIN/ })
  const again = [1, 2].map(i => post(dead(i)))
  await until(() => hanging.length === 1)
  t.match(await post(`http://alive.example:${port}/hook`), { ok: true })
  t.equal(hanging.length, 1, 'one at a time')
  hanging.splice(0)[0]!()
  await until(() => hanging.length === 1)
  hanging[0]!()
  await Promise.all(again)
})
