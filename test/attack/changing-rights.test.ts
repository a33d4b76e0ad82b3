import type { Command, MintedToken } from '@fleetwire/protocol'
import { type Test, test } from 'tap'
import { connectAgent } from '../helpers/bare-agent.ts'
import { startApp } from '../helpers/build.ts'
import { openStream } from '../helpers/sse-client.ts'
import { connectWs, type WireFrame, type WsClient } from '../helpers/ws-client.ts'

/** The agents of narrowed tokens. When rights shrink, nothing that is open continues under the old rights. */
const NARROW = ['mine-*']

async function start(t: Test) {
  const server = await startApp(t)
  const admin = await server.token('admin', { sub: 'root' })
  const api = <T = unknown>(method: string, path: string, body?: object, token = admin) =>
    server.call<T>(token, method, `/api/v1${path}`, body)
  const mine = await connectAgent(t, server, 'mine-1')
  const theirs = await connectAgent(t, server, 'theirs-1')
  for (const agentId of ['mine-1', 'theirs-1']) await api('POST', '/tasks', { taskId: agentId, title: 'T', agentId })
  /** `theirs` does everything that is visible to others; then `mine` reports the marker. */
  async function busy(marker: string) {
    theirs.say('session:start', { sessionId: 's', title: marker })
    theirs.say('message:start', { sessionId: 's', messageId: marker, text: 'secret' })
    theirs.say('terminal:output', { terminalId: 'main', offset: written, data: 'secret', encoding: 'utf8' }, false)
    written += 6
    theirs.say('task:progress', { taskId: 'theirs-1', message: 'secret' })
    await theirs.handled()
    await api('POST', '/events', { topic: 'tasks.theirs-1.events', type: 'custom:secret', payload: { a: 'theirs-1' } })
    mine.say('agent:error', { message: marker })
  }
  let written = 0
  return { ...server, admin, api, mine, theirs, busy }
}

const isMarker = (marker: string) => (frame: WireFrame) =>
  frame.type === 'agent:error' && frame.payload.message === marker
/** The frames after a frame. */
const since = (client: WsClient, frame: WireFrame) => client.frames.slice(client.frames.indexOf(frame) + 1)

test('[PM11] after a refresh to fewer agents, nothing of other agents is sent, and closed terminals are named', async t => {
  const { url, token, busy } = await start(t)
  const wide = await token('operator', { sub: 'ann' })
  const client = await connectWs(t, url, wide)
  await client.request('subscribe', { topics: ['>', 'agents.theirs-1.>', 'tasks.theirs-1.>'], snapshot: false })
  await client.request('terminal:open', { agentId: 'theirs-1' })
  await client.request('terminal:open', { agentId: 'mine-1' })
  await busy('before')
  await client.next(isMarker('before'))
  t.ok(client.frames.some(({ type }) => type === 'terminal:output' || type === 'terminal:snapshot'))

  const narrow = await token('operator', { sub: 'ann', agents: NARROW })
  client.send('auth:refresh', { token: narrow }, 'refresh')
  const reply = await client.next(({ id }) => id === 'refresh')
  t.match(reply.payload, { ok: true })
  t.match(await client.next('error'), { payload: { code: 'forbidden', details: { topic: 'agents.theirs-1.>' } } })
  const closed = await client.next('error')
  t.match(closed, { payload: { code: 'forbidden', details: { agentIds: ['theirs-1'] } } })
  await busy('after')
  await client.next(isMarker('after'))
  t.notMatch(JSON.stringify(since(client, closed)), /theirs-1|secret/)
  t.match(await client.request('terminal:open', { agentId: 'theirs-1' }), { ok: false, error: { code: 'not_found' } })
  t.match(await client.request('terminal:resize', { agentId: 'theirs-1', cols: 1, rows: 1 }), { ok: false })
})

test('[PM11] after a refresh to a token without the right to read, nothing is sent at all', async t => {
  const { url, token, busy, theirs } = await start(t)
  const client = await connectWs(t, url, await token('operator', { sub: 'ann' }), '/ws/tasks/theirs-1')
  await client.request('terminal:open', { agentId: 'theirs-1', mode: 'snapshot' })
  await client.request('subscribe', { topics: ['>'] })
  await client.next(({ type, payload }) => type === 'snapshot' && payload.topics.includes('>'))
  const blind = await token('operator', { sub: 'ann', scopes: ['command'] })
  t.match(await client.request('auth:refresh', { token: blind }), { ok: true })
  const topics = ['tasks.theirs-1.>', '>']
  t.match(await client.next('error'), { payload: { code: 'forbidden', details: { topics, count: 2 } } }, 'in one error')
  const closed = await client.next('error')
  t.match(closed, { payload: { code: 'forbidden', details: { agentIds: ['theirs-1'] } } })
  await busy('unseen')
  await theirs.handled()
  await client.request('ping').catch(() => {})
  t.same(
    since(client, closed).filter(({ type }) => type !== 'pong'),
    [],
  )
  t.match(await client.request('subscribe', { topics: ['>'] }), { ok: false, error: { code: 'forbidden' } })
})

test('[PM11] a resume is checked against the current rights, and questions of a hidden agent are hidden', async t => {
  const { url, token, api, theirs, mine } = await start(t)
  const { body } = await api<Command>(
    'POST',
    '/agents/theirs-1/commands',
    { kind: 'shell', input: 'x' },
    await token('operator', { sub: 'ann' }),
  )
  await theirs.next('command:dispatch')
  theirs.say('command:ack', { commandId: body.commandId, attempt: 1 })
  theirs.say('interaction:request', {
    ...{ interactionId: 'i', commandId: body.commandId, kind: 'permission', title: 'May I?' },
    options: [{ id: 'yes', label: 'Yes', effect: 'allow', scope: 'once' }],
  })
  await theirs.handled()
  mine.say('agent:error', { message: 'marker' })
  await mine.handled()
  for (const [agents, seen] of [
    [['*'], true],
    [NARROW, false],
  ] as const) {
    const ann = await token('viewer', { sub: 'ann', agents: [...agents] })
    const client = await connectWs(t, url, ann)
    const first = await api<{ items: { cursor: string; topic: string }[] }>(
      'GET',
      '/events?topics=users.ann.inbox',
      undefined,
      ann,
    )
    t.equal(first.body.items.length, seen ? 1 : 0)
    const all = await api<{ items: { cursor: string }[] }>('GET', '/events?limit=500')
    client.send('dashboard:connect', { resume: { cursor: all.body.items.at(-1)!.cursor }, subscribe: ['>'] })
    await client.next('resume:done')
    t.equal(/theirs-1/.test(JSON.stringify(client.frames)), seen, `${agents}`)
    await client.close()
  }
})

test('[PM15] a token revoked while its request waits gets 401, and its streams and sockets are closed', async t => {
  const { url, api, theirs, token } = await start(t)
  const minted = async () => (await api<MintedToken>('POST', '/tokens', { sub: 'ann', role: 'operator' })).body
  const { token: ann, jti } = await minted()
  const waiting = api('POST', '/agents/theirs-1/commands?wait=50', { kind: 'shell', input: 'x' }, ann)
  const { commandId } = (await theirs.next('command:dispatch')).payload
  const stream = await openStream(t, url, ann, { query: '?topics=agents.>' })
  const socket = await connectWs(t, url, ann)
  t.equal((await api('DELETE', `/tokens/${jti}`)).status, 204)
  t.equal(await socket.closed, 4401)
  t.match(await stream.next('connection:closing'), { data: { code: 4401 } })
  theirs.say('command:ack', { commandId, attempt: 1 })
  theirs.say('command:result', { commandId, attempt: 1, status: 'succeeded', output: 'secret' })
  t.match(await waiting, { status: 401, body: { code: 'unauthorized' } })
  const blind = await token('operator', { scopes: ['command'] })
  t.match(await api('POST', '/agents/theirs-1/commands?wait=1', { kind: 'shell', input: 'x' }, blind), { status: 403 })
})

test('[PM15] a download is aborted, not completed, when its token is revoked', async t => {
  const { app, url, api } = await start(t)
  const { token, jti } = (await api<MintedToken>('POST', '/tokens', { sub: 'ann', role: 'viewer' })).body
  const pages = app.tasks.pages.bind(app.tasks)
  app.tasks.pages = async function* (query) {
    for await (const page of pages(query)) {
      yield page
      await app.tokens.revoke(jti)
      yield page
    }
  }
  const response = await fetch(`${url}/api/v1/tasks/export/json`, { headers: { authorization: `Bearer ${token}` } })
  t.equal(response.status, 200)
  await t.rejects(response.text(), 'the connection was cut')
})

test('[PM17] a token without the right to read does not see the result of its command', async t => {
  const { url, theirs, token, call } = await start(t)
  const blind = await token('operator', { sub: 'ann', scopes: ['command'] })
  const request = { kind: 'shell', input: 'x', idempotencyKey: 'k' }
  const send = (bearer: string) => call(bearer, 'POST', '/api/v1/agents/theirs-1/commands', request)
  t.equal((await send(blind)).status, 202)
  const { commandId } = (await theirs.next('command:dispatch')).payload
  theirs.say('command:ack', { commandId, attempt: 1 })
  theirs.say('command:result', { commandId, attempt: 1, status: 'succeeded', output: 'secret' })
  await theirs.handled()
  t.match(await send(await token('operator', { sub: 'bob' })), { status: 200, body: { output: 'secret' } })
  const replay = await send(blind)
  t.match(replay, { status: 200, body: { commandId, status: 'succeeded' } })
  t.notMatch(JSON.stringify(replay.body), /secret/)
  const client = await connectWs(t, url, blind)
  const reply = await client.request('command:request', { agentId: 'theirs-1', ...request })
  t.match(reply, { ok: true, command: { commandId } })
  t.notMatch(JSON.stringify(reply), /secret/)
})

test('[PM12] a narrowed token sees its part of a batch and of its key', async t => {
  const { call, url, token, api } = await start(t)
  const send = async (bearer: string, ids: string[]) => {
    const response = await fetch(`${url}/api/v1/commands`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', 'idempotency-key': 'k1' },
      body: JSON.stringify({ selector: { ids }, command: { kind: 'shell', input: 'x' } }),
    })
    return { status: response.status, body: (await response.json()) as { parentId: string; commands: Command[] } }
  }
  const wide = await token('operator', { sub: 'ann' })
  const both = ['mine-1', 'theirs-1', 'none']
  const { status, body } = await send(wide, both)
  t.equal(status, 202)
  const narrow = await token('operator', { sub: 'ann', agents: NARROW })
  const replay = await send(narrow, both)
  t.match(replay, { status: 200, body: { commands: [{ agentId: 'mine-1' }] } })
  t.notMatch(JSON.stringify(replay.body), /theirs-1/)
  const nothing = await token('operator', { sub: 'ann', agents: ['else'] })
  const hidden = await send(nothing, both)
  t.match(hidden, { status: 404, body: { code: 'not_found' } })
  t.notMatch(JSON.stringify(hidden.body), body.parentId)
  t.notMatch(JSON.stringify(await send(nothing, ['mine-1'])), body.parentId)

  const part = await call(narrow, 'GET', `/api/v1/batches/${body.parentId}`)
  t.match(part, { status: 200, body: { total: 1, selector: { ids: ['mine-1'] }, commands: [{ agentId: 'mine-1' }] } })
  t.notMatch(JSON.stringify(part.body), /theirs-1|none/)
  t.match((await api('GET', `/batches/${body.parentId}`)).body, { total: 2, selector: { ids: both } })
  t.equal((await call(nothing, 'GET', `/api/v1/batches/${body.parentId}`)).status, 404)
  t.equal((await call(narrow, 'POST', `/api/v1/batches/${body.parentId}/stop`)).status, 403, 'it sees only a part')
})

test('[PM13] a token cannot refer to a task that is hidden from it', async t => {
  const { url, token, api } = await start(t)
  const narrow = await token('operator', { agents: NARROW })
  const client = await connectWs(t, url, narrow)
  for (const taskId of ['theirs-1', 'none']) {
    const command = { kind: 'shell', input: 'x', taskId }
    t.match(await api('POST', '/agents/mine-1/commands', command, narrow), {
      status: 404,
      body: { message: new RegExp(taskId) },
    })
    t.match(await client.request('command:request', { agentId: 'mine-1', ...command }), {
      ok: false,
      error: { code: 'not_found' },
    })
    t.match(await api('POST', '/commands', { selector: { ids: ['mine-1'] }, command }, narrow), { status: 404 })
    t.match(await api('POST', '/tasks', { title: 'x', parentTaskId: taskId }, narrow), { status: 400 })
  }
  t.match(await api('POST', '/agents/mine-1/commands', { kind: 'shell', input: 'x', taskId: 'mine-1' }, narrow), {
    status: 202,
  })
  t.match(await api('POST', '/tasks', { taskId: 'theirs-1', title: 'x' }, narrow), {
    status: 409,
    body: { details: undefined },
  })
  await api('POST', '/tasks', { taskId: 'child', title: 'x', agentId: 'theirs-1', parentTaskId: 'mine-1' })
  const kept = await api('DELETE', '/tasks/mine-1', undefined, narrow)
  t.equal(kept.status, 409)
  t.notMatch(JSON.stringify(kept.body), /child/)
})
