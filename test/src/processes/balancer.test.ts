import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type Test, test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { systemClock } from '../../../src/clock.ts'
import { Balancer } from '../../../src/processes/balancer.ts'
import { type NodeState, ReadyNodes } from '../../../src/processes/ready-nodes.ts'

/** A node as the balancer sees it. `isReady` is its own readiness. */
async function startNode(t: Test, name: string) {
  const node = { name, isReady: true, origin: '', server: undefined as unknown as Server }
  node.server = createServer((asked, answer) => {
    if (asked.url === '/ready') answer.writeHead(node.isReady ? 200 : 503).end()
    else if (asked.url === '/large') answer.end(Buffer.alloc(8 * 1024 * 1024, 'x'))
    else asked.pipe(answer.writeHead(node.isReady ? 200 : 503, { 'x-node': name }))
  })
  node.server.listen(0, '127.0.0.1')
  await once(node.server, 'listening')
  node.origin = `http://127.0.0.1:${(node.server.address() as AddressInfo).port}`
  t.teardown(() => {
    node.server.closeAllConnections()
    node.server.close()
  })
  return node
}

/** A balancer in front of three nodes, each of which has reported ready. */
async function start(t: Test) {
  const changes: string[] = []
  const waiting = new Set<() => void>()
  const nodes = new ReadyNodes(systemClock, ({ name }, state) => {
    changes.push(`${name} ${state}`)
    if (state === 'silent') balancer.cut(name)
    for (const look of waiting) look()
  })
  const balancer = new Balancer(nodes)
  const port = await balancer.listen(0, '127.0.0.1')
  t.teardown(async () => {
    nodes.stop()
    await balancer.close()
  })
  const backends = await Promise.all(['a', 'b', 'c'].map(name => startNode(t, name)))
  for (const { name, origin } of backends) nodes.add({ name, origin })
  nodes.start()
  const become = (name: string, state: NodeState) =>
    new Promise<void>(resolve => {
      const look = () => {
        if (nodes.stateOf(name) !== state) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  await Promise.all(backends.map(({ name }) => become(name, 'ready')))
  const ask = (path = '/', body = '') =>
    new Promise<{ status: number; node: unknown; text: string; retryAfter: unknown }>((resolve, reject) => {
      const asked = request({ port, host: '127.0.0.1', path, method: 'POST', agent: false }, async answer => {
        let text = ''
        for await (const chunk of answer) text += chunk
        const { headers, statusCode } = answer
        resolve({ status: statusCode!, node: headers['x-node'], text, retryAfter: headers['retry-after'] })
      })
      asked.on('error', reject).end(body)
    })
  return { balancer, nodes, port, backends, become, ask }
}

test('ready nodes take turns, and one that refuses gets no requests', async t => {
  const { backends, become, ask } = await start(t)
  const askAll = async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask('/', 'hello')))
    for (const { text } of answers) t.equal(text, 'hello')
    return answers.map(({ node }) => String(node)).toSorted()
  }
  t.strictSame(await askAll(), ['a', 'a', 'b', 'b', 'c', 'c'])
  backends[1]!.isReady = false
  await become('b', 'refusing')
  t.strictSame(await askAll(), ['a', 'a', 'a', 'c', 'c', 'c'])
  for (const node of backends) node.isReady = false
  await Promise.all([become('a', 'refusing'), become('c', 'refusing')])
  t.equal((await ask()).status, 503, 'a refusing node gives its own response')
  backends[1]!.isReady = true
  await become('b', 'ready')
  t.strictSame(await askAll(), Array(6).fill('b'))
})

test('a dead node costs no request, and its connections are closed', async t => {
  const { port, backends, become, ask } = await start(t)
  const sockets = await Promise.all(
    backends.map(async () => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      const [answer] = await once(socket, 'data')
      return { socket, node: /x-node: (\w)/.exec(String(answer))![1]! }
    }),
  )
  const [ofB] = sockets.filter(({ node }) => node === 'b')
  const closed = once(ofB!.socket, 'close')
  backends[1]!.server.closeAllConnections()
  backends[1]!.server.close()
  const answers = await Promise.all(Array.from({ length: 6 }, () => ask()))
  t.strictSame([...new Set(answers.map(({ status }) => status))], [200], 'the next node is tried at once')
  await closed
  await become('b', 'silent')
  for (const { socket, node } of sockets) {
    if (node !== 'b') t.equal(socket.destroyed, false, `connections to ${node} stay open`)
    socket.destroy()
  }
  for (const { server } of [backends[0]!, backends[2]!]) {
    server.closeAllConnections()
    server.close()
  }
  t.match(await ask(), { status: 503, text: /"code":"unavailable".*No node answers/, retryAfter: '1' })
})

test('WebSockets pass, and a slowly read response arrives complete', async t => {
  const { port, backends } = await start(t)
  for (const { server } of backends) {
    const sockets = new WebSocketServer({ server })
    sockets.on('connection', socket => socket.on('message', data => socket.send(`echo ${data}`)))
  }
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  await once(socket, 'open')
  socket.send('hello')
  t.equal(String((await once(socket, 'message'))[0]), 'echo hello')
  socket.close(1000)
  t.equal((await once(socket, 'close'))[0], 1000)

  const reader = connect(port, '127.0.0.1')
  await once(reader, 'connect')
  // It sends everything before it reads a byte, as `nc` does.
  reader.end('GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  reader.pause()
  await once(reader, 'finish')
  let bytes = 0
  for await (const chunk of reader) bytes += chunk.length
  t.ok(bytes > 8 * 1024 * 1024)
})
