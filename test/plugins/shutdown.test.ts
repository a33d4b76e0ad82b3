import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { test } from 'tap'
import { startApp } from '../helpers/build.ts'

test('a close waits for answers on connections that somebody else accepted, and for no connection without a request', async t => {
  let answer = () => {}
  const { app } = await startApp(t, {
    extend: async app => {
      app.get('/slow', { schema: { hide: true } }, async () => {
        await new Promise<void>(resolve => (answer = resolve))
        return 'done'
      })
    },
  })
  const { server } = app
  const asked = once(server, 'request')
  // As a process does that hands on what it accepts.
  const acceptor = createServer({ pauseOnConnect: true }, socket => {
    server.emit('connection', socket)
    socket.resume()
  }).listen(0, '127.0.0.1')
  await once(acceptor, 'listening')
  const { port } = acceptor.address() as AddressInfo
  t.teardown(() => acceptor.close())
  const idle = connect(port, '127.0.0.1')
  await once(idle, 'connect')
  const idleClosed = once(idle, 'close')
  const asking = request({ port, host: '127.0.0.1', path: '/slow', agent: false }).end()
  await asked

  const order: string[] = []
  const stopped = once(server, 'close')
  const closed = app.close().then(() => order.push('closed'))
  await idleClosed
  await stopped
  // Whatever closes after the server has a moment for it.
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  answer()
  const [response] = await once(asking, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  order.push(text)
  await closed
  t.strictSame(order, ['done', 'closed'])
})
