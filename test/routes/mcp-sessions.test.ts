import Fastify from 'fastify'
import { test } from 'tap'
import fleetwire from '../../src/index.ts'
import { connectAgent } from '../helpers/bare-agent.ts'
import { SECRET, startApp } from '../helpers/build.ts'
import { inSharedThread } from '../helpers/log-thread.ts'
import { initialize, mcpClient, startMcp, takeCommand } from '../helpers/mcp-client.ts'
import { expectNoWarnings } from '../helpers/no-warnings.ts'
import { openSse, type SseClient } from '../helpers/sse-client.ts'
import { until } from '../helpers/until.ts'

test('[MC7] [MC8] [MC9] DELETE ends a session, the end of its token a stream; a newer stream replaces the older', async t => {
  const server = await startMcp(t)
  const token = await server.token('viewer', { sub: 'vera' })
  const sessionId = 'a-session-of-tests-1'
  const headers = { authorization: `Bearer ${token}`, 'mcp-session-id': sessionId, accept: 'text/event-stream' }
  const open = () => fetch(`${server.url}/mcp`, { headers })
  const first = await open()
  t.equal(first.status, 200)
  const second = await open()
  await first.text()
  t.pass('the first stream has ended')
  t.equal((await fetch(`${server.url}/mcp`, { method: 'DELETE', headers })).status, 204)
  await second.text()
  t.equal((await open()).status, 404)
  t.equal((await fetch(`${server.url}/mcp`, { method: 'DELETE', headers })).status, 404)

  const other = await fetch(`${server.url}/mcp`, {
    headers: { ...headers, 'mcp-session-id': 'another-session-of-tests' },
  })
  t.equal(server.app.connections.stats().streams, 1)
  await server.app.tokens.revokeSubject('vera', 'test')
  await other.text()
  t.equal(server.app.connections.stats().streams, 0)
})

test('subscriptions are limited, and subscribing twice to the same resource counts once', async t => {
  const server = await startMcp(t)
  const agent = await connectAgent(t, server, 'a1')
  const sessions = Array.from({ length: 33 }, (_, i) => `s${i}`)
  for (const sessionId of sessions) agent.say('session:start', { sessionId })
  await agent.handled()
  const client = await server.client('viewer')
  const uris = sessions.map(id => `fleetwire://agents/a1/sessions/${id}`)
  await client.subscribe([...uris.slice(0, 32), uris[0]!])
  await t.rejects(client.subscribe([uris[32]!]), /At most 32/)
  const newer = await server.client('viewer', 'sdk 2, protocol 2026')
  await t.rejects(newer.subscribe(uris), /At most 32/)
})

test('[MC8] a stream reports changes after the cursor, or without a cursor all resources', async t => {
  const server = await startMcp(t)
  const agents = await Promise.all(['a1', 'a2'].map(id => connectAgent(t, server, id)))
  const token = await server.token('viewer')
  const headers = {
    ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...{ accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' },
  }
  const post = (message: object, more: Record<string, string> = {}) =>
    fetch(`${server.url}/mcp`, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(message) })
  const session = { 'mcp-session-id': (await post(initialize)).headers.get('mcp-session-id')! }
  const uris = ['a1', 'a2'].map(id => `fleetwire://agents/${id}`)
  for (const [id, uri] of uris.entries()) {
    const answer = await post({ jsonrpc: '2.0', id, method: 'resources/subscribe', params: { uri } }, session)
    t.match(await answer.text(), /"result":\{\}/)
  }
  const open = (lastEventId?: string) =>
    openSse(t, `${server.url}/mcp`, {
      ...headers,
      ...session,
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    })
  const uriOf = async (stream: SseClient) => (await stream.next('message')).data.params.uri

  const first = await open()
  t.same([await uriOf(first), await uriOf(first)].sort(), uris, 'the client may have missed anything')
  const seen = first.lastEventId
  first.close()
  agents[1]!.say('agent:status', { work: 'working' })
  await agents[1]!.handled()
  const second = await open(seen)
  t.equal(await uriOf(second), uris[1])
  agents[0]!.say('agent:status', { work: 'working' })
  t.equal(await uriOf(second), uris[0], 'and what happens from then on')
  const gone = await open('no cursor at all')
  t.same([await uriOf(gone), await uriOf(gone)].sort(), uris, 'an invalid cursor counts as no cursor')
  t.equal(second.retryMs, 2000)
})

test('[MC5] a stopping server answers all waiting calls, however many, and ends streams', async t => {
  expectNoWarnings(t)
  for (const generation of ['sdk 1', 'sdk 2, protocol 2026'] as const) {
    const server = await startMcp(t)
    const agent = await connectAgent(t, server, 'a1')
    const client = await server.client('operator', generation)
    const { closed } = await client.subscribe(['fleetwire://agents/a1'])
    const sending = client.call('send_command', { agentId: 'a1', kind: 'shell', input: 'x', waitSeconds: 300 })
    const { commandId } = await takeCommand(agent)
    const wait = () => client.call('wait_command', { commandId, waitSeconds: 300 })
    const waiting = [sending, ...Array.from({ length: 15 }, wait)]
    await until(() => server.app.broadcaster.stats().subscribers === 1 + waiting.length)
    await server.app.close()
    for (const answer of await Promise.all(waiting))
      t.match(answer, { isError: false, text: /server is restarting; the command is safe/ })
    if (closed !== undefined) t.equal(await closed, 'graceful', 'the stream ends properly instead of being cut')
  }
})

test('MCP works under a prefix in an app that embeds the server', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fleetwire, {
    startWorker: inSharedThread,
    prefix: '/fleet',
    config: { DATA_DIR: t.testdir(), JWT_SECRET: SECRET },
  })
  const url = await app.listen({ port: 0 })
  const minted = await app.tokens.mint({ sub: 'ann', role: 'viewer' }, 'host')
  if (minted.status !== 'minted') return t.fail(minted.status)
  const client = await mcpClient(t, { url: `${url}/fleet/`, token: minted.token })
  t.match(await client.call('fleet_summary'), { isError: false, data: { agents: 0 } })
})

test('a page of an allowed origin may send the protocol’s headers and read the session id', async t => {
  const { url, token } = await startApp(t, { config: { ALLOWED_ORIGINS: 'https://ui.example' } })
  const preflight = await fetch(`${url}/mcp`, {
    method: 'OPTIONS',
    headers: { origin: 'https://ui.example', 'access-control-request-method': 'POST' },
  })
  t.equal(preflight.status, 204)
  t.match(preflight.headers.get('access-control-allow-headers'), /Mcp-Session-Id, Mcp-Protocol-Version/)
  const answer = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      ...{ origin: 'https://ui.example', authorization: `Bearer ${await token('viewer')}` },
      ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    },
    body: JSON.stringify(initialize),
  })
  t.equal(answer.status, 200)
  t.match(answer.headers.get('access-control-expose-headers'), /Mcp-Session-Id/)
  t.match(answer.headers.get('mcp-session-id'), /^[\w-]{32}$/)
})
