import { type Test, test } from 'tap'
import { WebSocket } from 'ws'
import { startApp } from '../helpers/build.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { connectWs, refusedUpgrade, type WsClient } from '../helpers/ws-client.ts'

const KiB = 1024

/** A bystander that must not notice what others do to the server. */
async function start(t: Test, options: Parameters<typeof startApp>[1] = {}) {
  const server = await startApp(t, options)
  const socket = async (agentId: string) =>
    connectWs(t, server.url, await server.token('agent', { sub: agentId }), '/agent')
  const hello = async (client: WsClient, bootId = 'boot1') => {
    client.send('agent:connect', { bootId })
    return (await client.next('connection:established')).payload
  }
  const bystander = await socket('bystander')
  await hello(bystander)
  const unharmed = async () => {
    bystander.send('heartbeat', { running: [] })
    t.strictSame((await bystander.next('heartbeat')).payload, { cancel: [] }, 'the bystander notices nothing')
  }
  return { ...server, socket, hello, unharmed }
}

test('[AU1] [AU6] only a valid token with the role agent opens /agent', async t => {
  const { url, token, unharmed } = await start(t)
  const bearer = (value: string) => ({ headers: { authorization: `Bearer ${value}` } })
  t.match(await refusedUpgrade(`${url}/agent`), { status: 401 })
  t.match(await refusedUpgrade(`${url}/agent`, bearer('nonsense')), { status: 401 })
  for (const role of ['viewer', 'operator', 'admin'] as const) {
    t.match(await refusedUpgrade(`${url}/agent`, bearer(await token(role))), { status: 403 }, role)
  }
  await unharmed()
})

test('before the hello, frames get not_ready, and a missing hello closes with 4408', async t => {
  const clock = new FakeClock(Date.now())
  const { socket, hello } = await start(t, { clock })
  const client = await socket('a1')
  client.send('heartbeat', { running: [] }, 'early')
  t.match(await client.next('error'), { id: 'early', payload: { code: 'not_ready' } })
  const punctual = await socket('a2')
  await hello(punctual)
  clock.advance(10_000)
  t.equal(await client.closed, 4408)
  t.equal(punctual.socket.readyState, WebSocket.OPEN)
})

test('an invalid frame gets an error and uses up its number; a gap in the numbers is reported', async t => {
  const { socket, hello, unharmed } = await start(t)
  const client = await socket('a1')
  t.match(await hello(client), { agentId: 'a1', ackedN: 0, directives: [] })
  client.raw('garbage')
  t.match((await client.next('error')).payload, { code: 'bad_json' })
  client.raw(Buffer.from([1, 2, 3]))
  t.match((await client.next('error')).payload, { code: 'invalid_frame' })
  client.raw(JSON.stringify({ type: 'dashboard:connect', payload: {} }))
  t.match((await client.next('error')).payload, { code: 'unknown_type' })
  client.raw(JSON.stringify({ type: 'command:ack', n: 1, payload: { commandId: 'cmd_1' } }))
  t.match((await client.next('error')).payload, { code: 'invalid_frame', message: /attempt/ })
  t.match((await client.next('report:ack')).payload, { n: 1 })
  client.raw(JSON.stringify({ type: 'agent:error', n: 3, payload: { message: 'too early' } }))
  t.match((await client.next('error')).payload, { code: 'gap' })
  t.match((await client.next('report:ack')).payload, { n: 1 })
  client.raw(JSON.stringify({ type: 'command:ack', n: 2, payload: { commandId: 'cmd_none', attempt: 1 } }))
  t.match((await client.next('error')).payload, { code: 'not_found' })
  t.match((await client.next('report:ack')).payload, { n: 2 })
  client.send('agent:connect', { bootId: 'boot1' })
  t.match((await client.next('error')).payload, { code: 'conflict' })
  await unharmed()
})

test('an oversized frame, a flood and endless garbage end only their own socket', async t => {
  const { socket, hello, unharmed } = await start(t, { config: { MAX_FRAME_BYTES: 64 * KiB } })
  const large = await socket('a1')
  await hello(large)
  large.raw(JSON.stringify({ type: 'agent:error', n: 1, payload: { message: 'x'.repeat(64 * KiB) } }))
  t.equal(await large.closed, 4413)
  const hasty = await socket('a2')
  await hello(hasty)
  for (let i = 0; i < 10_000; i++) hasty.send('heartbeat', { running: [] })
  t.equal(await hasty.closed, 4429)
  const rude = await socket('a3')
  for (let i = 0; i < 30; i++) rude.raw('garbage')
  t.equal(await rude.closed, 4000)
  await unharmed()
})

test('the newer socket of an agent wins: the older is closed with 4409', async t => {
  const { socket, hello, unharmed, app } = await start(t)
  const older = await socket('a1')
  await hello(older)
  const newer = await socket('a1')
  await hello(newer)
  t.equal(await older.closed, 4409)
  t.match(app.agents.get('a1'), { link: 'online' })
  t.equal(newer.socket.readyState, WebSocket.OPEN)
  await unharmed()
})

test('[AU9] revoking a token closes the agent connection that it opened', async t => {
  const { url, app, call, token, unharmed } = await start(t)
  const minted = await app.tokens.mint({ sub: 'a1', role: 'agent' }, 'test')
  if (minted.status !== 'minted') throw new Error(minted.status)
  const client = await connectWs(t, url, minted.token, '/agent')
  t.equal((await call(await token('admin'), 'DELETE', `/api/v1/tokens/${minted.jti}`)).status, 204)
  t.equal(await client.closed, 4401)
  await unharmed()
})

test('[UP2] [UP3] [UP13] frames that arrive together are acknowledged together, whether new or resent', async t => {
  const { socket, hello } = await start(t)
  const client = await socket('a1')
  await hello(client)
  const delta = (n: number) => ({
    type: 'message:delta',
    n,
    payload: { sessionId: 's1', messageId: 'm1', delta: `${n} ` },
  })
  const say = (frames: object[]) => client.raw(frames.map(frame => JSON.stringify(frame)).join('\n'))
  const acksUpTo = async (n: number) => {
    const before = client.frames.length
    await client.next(frame => frame.type === 'report:ack' && frame.payload.n === n)
    client.send('heartbeat', { running: [] })
    await client.next('heartbeat')
    return client.frames.slice(before).filter(({ type }) => type === 'report:ack')
  }
  say([{ type: 'session:start', n: 1, payload: { sessionId: 's1' } }])
  await acksUpTo(1)
  say([2, 3, 4, 5, 6, 7, 8, 9].map(delta))
  t.match(await acksUpTo(9), [{ payload: { n: 9 } }], 'new frames: one append, one ack')
  say([2, 3, 4, 5, 6, 7, 8, 9].map(delta))
  t.match(await acksUpTo(9), [{ payload: { n: 9 } }], 'resent frames')
})
