import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import type { SocketHandlers } from '../../../src/connections/socket-port.ts'
import { WsSocket, wsServerOptions } from '../../../src/connections/ws-socket.ts'
import { COMPRESS_FROM, FrameCompressor } from '../../../src/frames/frame-compressor.ts'
import { framesIn, textFrame } from '../../../src/frames/text-frame.ts'

const texts = [
  '',
  'a',
  'ä€😀',
  'x'.repeat(125),
  'x'.repeat(126),
  'é'.repeat(32_767),
  'x'.repeat(65_536),
  'x'.repeat(200_000),
]

/** Both ends of a socket, the server's behind the adapter. */
async function pair(t: Test, serverOptions: object = {}, clientOptions: object = {}) {
  const http = createServer()
  const server = new WebSocketServer({ server: http, ...wsServerOptions(1024), ...serverOptions })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const accepted = once(server, 'connection')
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`, clientOptions)
  client.on('error', () => {})
  const received: string[] = []
  client.on('message', (data, isBinary) => received.push(isBinary ? 'binary!' : String(data)))
  const [ws, request] = (await accepted) as [WebSocket, { socket: Socket }]
  await once(client, 'open')
  const heard: string[] = []
  const handlers: SocketHandlers = {
    onText: text => heard.push(text),
    onBinary: () => heard.push('(binary)'),
    onPing: data => heard.push(`(ping ${data})`),
    onPong: () => heard.push('(pong)'),
    onFragments: count => heard.push(`(fragments ${count})`),
    onDrain: () => heard.push('(drained)'),
    onFailed: code => heard.push(`(failed ${code})`),
    onClosed: code => heard.push(`(closed ${code})`),
  }
  const port = new WsSocket(ws, request.socket)
  port.listen(handlers)
  t.teardown(async () => {
    client.terminate()
    server.close()
    http.closeAllConnections()
    http.close()
    await once(http, 'close')
  })
  return { port, client, received, heard, raw: request.socket, ws }
}

t.test('our frames equal those of ws, for every header length', async t => {
  const { port, client, received } = await pair(t)
  port.write(Buffer.concat(texts.map(textFrame)))
  while (received.length < texts.length) await once(client, 'message')
  t.same(received, texts)
  t.same(
    [...framesIn(Buffer.concat(texts.map(textFrame)))].map(({ text }) => String(text)),
    texts,
  )
})

t.test('control frames of ws are sent between ours, and one call is one write', async t => {
  const { port, client, received, heard, raw } = await pair(t)
  client.on('ping', () => received.push('(ping)'))
  client.on('pong', data => received.push(`(pong ${data})`))
  const write = raw.write.bind(raw)
  let writes = 0
  raw.write = ((...args: Parameters<typeof write>) => {
    writes++
    return write(...args)
  }) as typeof write
  port.write(Buffer.concat([textFrame('1'), textFrame('2')]))
  t.equal(writes, 1)
  port.ping()
  port.write(textFrame('3'))
  port.pong(Buffer.from('p'))
  port.write(textFrame('4'))
  while (received.length < 6) await once(client, received.at(-1) === '3' ? 'pong' : 'message')
  t.same(received, ['1', '2', '(ping)', '3', '(pong p)', '4'])
  client.send('hello')
  client.send(Buffer.from('bytes'))
  client.ping('q')
  while (heard.length < 4) await new Promise(resolve => setImmediate(resolve))
  t.same(heard, ['(pong)', 'hello', '(binary)', '(ping q)'], 'pings are left to the connection')
  port.close(4401, 'why')
  t.notOk(port.isOpen)
  port.write(textFrame('too late'))
  const [code, reason] = await once(client, 'close')
  t.same([code, String(reason)], [4401, 'why'])
  t.equal(received.at(-1), '4')
})

t.test('[OB6] the agreed compression is found in ws: separately deflated frames are read among plain ones', async t => {
  const { port, client, received, ws } = await pair(t, wsServerOptions(1024, true), { perMessageDeflate: true })
  t.match(ws.extensions, 'permessage-deflate')
  t.equal(port.form, 'deflated', 'if this fails, ws stores the agreement elsewhere: see takesShared')
  const compressor = new FrameCompressor()
  const long = texts.filter(text => text.length >= COMPRESS_FROM)
  const frames = texts.flatMap(text => [textFrame(text), compressor.frameOf(text) ?? textFrame(text)])
  port.write(Buffer.concat(frames))
  port.ping()
  while (received.length < 2 * texts.length) await once(client, 'message')
  t.same(
    received,
    texts.flatMap(text => [text, text]),
  )
  t.equal(compressor.frames, long.length)
})

t.test('ws itself serves a peer with a smaller window or with context takeover', async t => {
  const small = { perMessageDeflate: { serverMaxWindowBits: 10 } }
  const contexts = [{ ...wsServerOptions(1024, true), perMessageDeflate: true }, { perMessageDeflate: true }]
  for (const [server, asked] of [[wsServerOptions(1024, true), small], contexts]) {
    const { port, client, received, ws } = await pair(t, server, asked)
    t.match(ws.extensions, 'permessage-deflate')
    t.equal(port.form, 'text')
    port.write(Buffer.concat(texts.map(textFrame)))
    while (received.length < texts.length) await once(client, 'message')
    t.same(received, texts)
  }
})

t.test('without the setting no compression is negotiated', async t => {
  const { port, ws } = await pair(t, {}, { perMessageDeflate: true })
  t.same([ws.extensions, port.form], ['', 'text'])
})

t.test('[LM1] a message over the limit is closed with 4413', async t => {
  const { client, heard } = await pair(t)
  client.send('x'.repeat(1025))
  const [code] = await once(client, 'close')
  t.equal(code, 4413)
  t.equal(heard[0], '(failed 4413)')
})

t.test('the socket of a peer that does not read is congested until it reads, and then drained', async t => {
  const { port, client, heard, received } = await pair(t)
  t.notOk(port.isCongested)
  client.pause()
  const big = textFrame('x'.repeat(1_000_000))
  let written = 0
  while (!port.isCongested) {
    port.write(big)
    written++
    await new Promise(resolve => setImmediate(resolve))
  }
  t.ok(port.bufferedBytes > 0)
  client.resume()
  while (received.length < written) await once(client, 'message')
  while (!heard.includes('(drained)')) await new Promise(resolve => setImmediate(resolve))
  t.notOk(port.isCongested)
  t.equal(port.bufferedBytes, 0)
})
