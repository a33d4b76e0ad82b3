import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { test } from 'tap'
import { startApp } from '../helpers/build.ts'

test('a close waits for responses on connections that another process accepted, but not for idle connections', async t => {
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
  // Like a process that hands over the connections that it accepts.
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
  // Gives code that runs after the server's close time to finish.
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  answer()
  const [response] = await once(asking, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  order.push(text)
  await closed
  t.strictSame(order, ['done', 'closed'])
})
