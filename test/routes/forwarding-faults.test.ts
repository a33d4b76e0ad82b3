import { request as httpRequest } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { RestError } from '@fleetwire/protocol'
import t, { type Test, test } from 'tap'
import { bodyOf, openRun } from '../helpers/ag-ui.ts'
import { connectAgent } from '../helpers/bare-agent.ts'
import type { FakeNode, FakeNodes } from '../helpers/fake-nodes.ts'
import { send, sharedPair, startNode, startPair } from '../helpers/node-pair.ts'
import { openSse } from '../helpers/sse-client.ts'
import { until } from '../helpers/until.ts'

const shell = { kind: 'shell', input: 'true' }

/** A node that accepts requests and does with their sockets what the test says. */
async function startPeer(t: Test, nodes: FakeNodes, onData: (socket: Socket, data: string) => void): Promise<FakeNode> {
  const node = nodes.join(`peer-${nodes.nodes.length}`)
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', data => onData(socket, String(data)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  node.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return node
}

const pair = sharedPair(t)

test('[NO7] a sender that disconnects ends its request on the active node, before or during the response', async t => {
  const { active, gateway } = await pair()
  const token = await gateway.token('admin')
  const agent = await connectAgent(t, active, 'alpha')
  const path = '/api/v1/agents/alpha/commands?wait=60'
  const waiting = httpRequest(gateway.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  })
  waiting.on('error', () => {})
  waiting.end(JSON.stringify(shell))
  await agent.next('command:dispatch')
  const { socket } = await until(() => active.requests.find(({ url }) => url === path))
  waiting.destroy()
  await until(() => socket.destroyed)

  const run = { threadId: 't1', runId: 'r1', messages: [], tools: [], context: [], state: {}, forwardedProps: {} }
  const stream = await openSse(t, `${gateway.url}/mcp`, {
    authorization: `Bearer ${token}`,
    accept: 'text/event-stream',
  })
  t.equal(stream.response.statusCode, 400, 'a refused stream gets a plain response')
  const response = await fetch(`${gateway.url}/ag-ui/agents/alpha`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...run, messages: [{ id: 'm1', role: 'user', content: 'hi' }] }),
  })
  t.match(response.headers.get('content-type'), /^text\/event-stream/)
  const reader = response.body!.getReader()
  t.match(Buffer.from((await reader.read()).value!).toString(), /RUN_STARTED/)
  const followed = active.requests.find(({ url }) => url === '/ag-ui/agents/alpha')!
  await reader.cancel()
  await until(() => followed.socket.destroyed && active.app.connections.stats().streams === 0)
})

test('[NO8] a request waits for an active node, which may turn out to be the node that received it', async t => {
  const { nodes, active, gateway } = await pair()
  const token = await gateway.token('admin')
  await nodes.activate(undefined)
  const first = gateway.call(token, 'POST', '/api/v1/tasks', { title: 'One' })
  await until(() => gateway.requests.length === 1)
  await nodes.activate(active.node)
  t.equal((await first).status, 201)
  await nodes.activate(undefined)
  const before = active.requests.length
  const second = gateway.call<{ taskId: string }>(token, 'POST', '/api/v1/tasks', { title: 'Two' })
  await until(() => gateway.requests.length === 2)
  await nodes.activate(gateway.node)
  t.equal((await second).status, 201)
  t.equal((await gateway.call(token, 'GET', `/api/v1/tasks/${(await second).body.taskId}`)).status, 200)
  t.equal(active.requests.length, before)
})

test('[NO9] a node that is no longer active does nothing, and the request goes to the next one', async t => {
  const { nodes, active, gateway } = await startPair(t)
  const third = await startNode(t, nodes)
  const token = await gateway.token('admin')
  // The gateway does not know yet that another node took over.
  Object.defineProperty(gateway.node, 'active', { get: () => active.node, configurable: true })
  await nodes.activate(third.node)
  const asked = gateway.call(token, 'POST', '/api/v1/tasks', { title: 'One' })
  await until(() => active.requests.length > 0)
  Reflect.deleteProperty(gateway.node, 'active')
  await nodes.activate(third.node)
  t.equal((await asked).status, 201)
  t.equal(third.requests.length, 1)
})

test('[NO9] an unreachable node is not waited for, and a body that was not kept is not sent twice', async t => {
  const { nodes, active, gateway } = await pair()
  const token = await gateway.token('admin')
  const gone = nodes.join('gone')
  gone.address = 'http://127.0.0.1:9'
  await nodes.activate(gone)
  const small = gateway.call(token, 'POST', '/api/v1/tasks', { title: 'One' })
  await until(() => gateway.requests.length === 1)
  await nodes.activate(active.node)
  t.equal((await small).status, 201)
  await nodes.activate(gone)
  const large = await gateway.call<RestError>(token, 'POST', '/api/v1/events', {
    ...{ topic: 'users.admin.inbox', type: 'custom:note', payload: 'x'.repeat(100_000) },
  })
  t.match(large, { status: 503, body: { code: 'unavailable', message: /Nothing was accepted/ } })
  t.match(large.headers.get('retry-after'), /^\d+$/)
})

test('[NO10] a request that may have been carried out is not sent again, and its sender is informed', async t => {
  const { nodes, active, gateway } = await pair()
  const token = await gateway.token('admin')
  await connectAgent(t, active, 'alpha')
  const taken: string[] = []
  const peer = await startPeer(t, nodes, (socket, data) => {
    taken.push(data.split(' ', 1)[0]!)
    socket.destroy()
  })
  await nodes.activate(peer)
  const posted = await gateway.call<RestError>(token, 'POST', '/api/v1/tasks', { title: 'One' })
  t.match(posted, {
    status: 503,
    body: { code: 'unavailable', message: /may have been carried out/, details: { outcome: 'unknown' } },
  })
  t.match(posted.headers.get('retry-after'), /^\d+$/)
  t.same(taken, ['POST'])
  const key = { 'content-type': 'application/json', 'idempotency-key': 'k1' }
  const submission = { headers: key, chunks: [JSON.stringify(shell)] }
  const submitted = send(`${gateway.url}/api/v1/agents/alpha/commands`, token, submission)
  await until(() => taken.length > 1)
  await nodes.activate(active.node)
  t.equal((await submitted).status, 202, 'a request with an idempotency key is sent again')
  await nodes.activate(peer)
  const read = gateway.call(token, 'GET', '/api/v1/agents')
  await until(() => taken.at(-1) === 'GET')
  await nodes.activate(active.node)
  t.equal((await read).status, 200, 'a request that only reads is sent again')
})

test('[NO11] a response that breaks off also breaks off for its reader', async t => {
  const { nodes, gateway } = await pair()
  const token = await gateway.token('admin')
  const peer = await startPeer(t, nodes, socket => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"items":[')
  })
  await nodes.activate(peer)
  await t.rejects(gateway.call(token, 'GET', '/api/v1/agents'))
  t.equal((await gateway.call(token, 'GET', '/health')).status, 200)
})

test('[NO25] a node that stops cuts the streams that it forwards, and does not wait for them', async t => {
  const { active, gateway } = await startPair(t)
  const token = await gateway.token('operator')
  await connectAgent(t, active, 'alpha')
  const run = await openRun(t, `${gateway.url}/ag-ui/agents/alpha`, { token, body: bodyOf() })
  await run.event('RUN_STARTED')
  const ended = t.rejects(run.ended)
  await gateway.app.close()
  await ended
  await until(() => active.app.connections.stats().streams === 0)
  const lastEventId = run.lastId
  const again = await openRun(t, `${active.url}/ag-ui/agents/alpha`, { token, body: bodyOf(), lastEventId })
  t.equal(again.response.status, 200, 'the stream continues on another node')
})

test('[NO26] a node that is no longer active ends its streams of runs and MCP, which continue on the next', async t => {
  const { nodes, active, gateway } = await pair()
  const token = await gateway.token('operator')
  await connectAgent(t, active, 'alpha')
  const events = await openSse(t, `${active.url}/api/v1/events/stream`, { authorization: `Bearer ${token}` })
  const runs = []
  for (const { url } of [active, gateway]) {
    const run = await openRun(t, `${url}/ag-ui/agents/alpha`, { token, body: bodyOf() })
    await run.event('RUN_STARTED')
    runs.push(run)
  }
  await nodes.activate(gateway.node)
  for (const run of runs) await run.ended
  t.equal(active.app.connections.stats().streams, 1, 'a stream that any node can serve continues')
  t.ok(events.response.readable)
  const { lastId: lastEventId } = runs[0]!
  const again = await openRun(t, `${active.url}/ag-ui/agents/alpha`, { token, body: bodyOf(), lastEventId })
  t.equal(again.response.status, 200)
  t.equal(gateway.app.connections.stats().streams, 1)
})
