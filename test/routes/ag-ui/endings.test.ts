import { connect, type Socket } from 'node:net'
import type { CommandRun } from '@fleetwire/client/node'
import t, { type Test } from 'tap'
import { bodyOf, openRun, promptAgent } from '../../helpers/ag-ui.ts'
import { connectAgent } from '../../helpers/bare-agent.ts'
import { type StartOptions, startApp } from '../../helpers/build.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { until } from '../../helpers/until.ts'

/** A server and an agent whose run continues until it is interrupted. */
async function start(t: Test, options: StartOptions = {}, prompt?: (run: CommandRun) => Promise<void>) {
  const server = await startApp(t, options)
  await promptAgent(t, server, 'a', {
    async prompt(run) {
      run.message({ messageId: 'm' }).append('begun')
      await prompt?.(run)
      if (!run.signal.aborted) await new Promise(resolve => run.signal.addEventListener('abort', resolve))
      return { status: 'cancelled' }
    },
  })
  const token = await server.token('operator', { sub: 'ann' })
  const url = `${server.url}/ag-ui/agents/a`
  const post = async (fields: object = {}) => openRun(t, url, { token, body: bodyOf(fields) })
  return { ...server, operator: token, url, post }
}

t.test(
  '[UI14] a closing server ends its streams with a complete RUN_ERROR, and the run continues elsewhere',
  async t => {
    const { app, post } = await start(t)
    const run = await post()
    await run.event('TEXT_MESSAGE_CONTENT')
    const closed = app.close()
    const last = (await run.all()).at(-1)
    t.match(last, { type: 'RUN_ERROR', code: 'SERVER_RESTARTING' })
    t.equal(
      run.frames.at(-1)!.id,
      undefined,
      'the error is not part of the run: a client resumes after the previous frame',
    )
    await closed
  },
)

t.test('[UI14] a revoked token or an administrator ends a stream in the same way', async t => {
  const { app, token, call, url, post } = await start(t)
  const admin = await token('admin', { sub: 'root' })
  const first = await post()
  await first.event('TEXT_MESSAGE_CONTENT')
  const [stream] = app.connections.ofSub('ann')
  await call(admin, 'DELETE', `/api/v1/connections/${stream!.id}`)
  t.match((await first.all()).at(-1), { type: 'RUN_ERROR', code: 'FORBIDDEN' })
  const viewer = await token('viewer', { sub: 'vic' })
  const second = await openRun(t, `${url}/runs/run/events`, { token: viewer })
  await second.event('TEXT_MESSAGE_START')
  await call(admin, 'DELETE', '/api/v1/subjects/vic/tokens')
  t.match((await second.all()).at(-1), { type: 'RUN_ERROR', code: 'UNAUTHORIZED' })
  t.match((await call(admin, 'GET', '/api/v1/commands?status=running')).body, { items: [{ agentId: 'a' }] })
})

t.test('[UI14] quiet streams get a comment every 15 s', async t => {
  const clock = new FakeClock(Date.now())
  const server = await startApp(t, { clock })
  const agent = await connectAgent(t, server, 'b')
  const token = await server.token('operator')
  const run = await openRun(t, `${server.url}/ag-ui/agents/b`, { token, body: bodyOf() })
  await run.event('RUN_STARTED')
  await agent.next('command:dispatch')
  for (let i = 1; i <= 3; i++) {
    clock.advance(15_000)
    await until(() => run.comments >= i)
  }
  t.ok(run.comments >= 3)
})

t.test('[UI14] [OB1] a slow reader gets SLOW_CONSUMER, and every frame that was begun is complete', async t => {
  const line = 'x'.repeat(32 * 1024)
  let isTold = false
  const { url, operator, app, post } = await start(t, { config: { OUTBOX_LIMIT_BYTES: 256 * 1024 } }, async run => {
    const message = run.message({ messageId: 'long' })
    for (let i = 0; i < 600 && !run.signal.aborted && !isTold; i++) {
      message.append(line)
      await new Promise(resolve => setImmediate(resolve))
    }
  })
  const { hostname, port, pathname } = new URL(url)
  const socket: Socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const body = JSON.stringify(bodyOf({ runId: 'slow' }))
  const head = [`POST ${pathname} HTTP/1.1`, 'host: x', `authorization: Bearer ${operator}`, 'connection: close']
  socket.write(
    `${head.join('\r\n')}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  await until(() => text.includes('RUN_STARTED'))
  socket.pause()
  await until(() => app.connections.ofSub('ann').every(({ isOpen }) => !isOpen))
  isTold = true
  const quick = await openRun(t, `${url}/runs/slow/events`, { token: operator })
  await quick.event('MESSAGES_SNAPSHOT')
  socket.resume()
  await new Promise(resolve => socket.once('end', resolve))
  const frames = text
    .slice(text.indexOf('\r\n\r\n') + 4)
    .replaceAll(/\r\n[0-9a-f]*\r\n|^[0-9a-f]+\r\n/g, '')
    .split('\n\n')
    .flatMap(block => /^data: (.*)$/m.exec(block)?.[1] ?? [])
  t.match(JSON.parse(frames.at(-1)!), { type: 'RUN_ERROR', code: 'SLOW_CONSUMER' })
  for (const frame of frames) JSON.parse(frame)
  await post({ runId: 'x' }).then(run => t.equal(run.response.status, 409))
})

t.test('[UI14] a client that disconnects while its request is being checked leaves nothing behind', async t => {
  const { app, url, operator } = await start(t)
  for (let round = 0; round < 5; round++) {
    const abort = new AbortController()
    const opening = fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${operator}`, 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf({ runId: `r${round}`, threadId: `t${round}` })),
      signal: abort.signal,
    })
    const { agUiRuns } = app
    const { isKept } = agUiRuns
    // Disconnects in the middle of the check, however busy the machine is.
    agUiRuns.isKept = async found => {
      agUiRuns.isKept = isKept
      abort.abort()
      await until(async () => (await new Promise<number>(done => app.server.getConnections((_, n) => done(n)))) <= 1)
      return isKept.call(agUiRuns, found)
    }
    await t.rejects(opening)
    await until(() => app.connections.ofSub('ann').length === 0)
  }
  t.equal(app.broadcaster.stats().subscribers, 0)
})

t.test('[UI15] the run of an agent that disconnects in mid-run ends with the lease of the agent', async t => {
  const clock = new FakeClock(Date.now())
  const server = await startApp(t, { clock })
  const agent = await connectAgent(t, server, 'b')
  const token = await server.token('operator', { ttlSeconds: 86_400 })
  const run = await openRun(t, `${server.url}/ag-ui/agents/b`, { token, body: bodyOf() })
  const { commandId, attempt } = (await agent.next('command:dispatch')).payload
  agent.say('command:ack', { commandId, attempt })
  agent.say('message:start', { sessionId: 'thread', messageId: 'm', commandId })
  agent.say('message:delta', { sessionId: 'thread', messageId: 'm', commandId, delta: 'half an ans' })
  await run.event('TEXT_MESSAGE_CONTENT')
  for (const connection of server.app.connections.ofAgent('b')) connection.terminate()
  await run.event('CUSTOM', ({ name, value }) => name === 'run.status' && value.phase === 'disconnected')
  const ended = run.all()
  let isEnded = false
  void ended.then(() => {
    isEnded = true
  })
  while (!isEnded) {
    clock.advance(10_000)
    await new Promise(resolve => setImmediate(resolve))
  }
  t.match((await ended).slice(-2), [{ type: 'TEXT_MESSAGE_END' }, { type: 'RUN_ERROR', code: 'AGENT_DISCONNECTED' }])
})

t.test('[UI17] streams per subject and body sizes are limited', async t => {
  const { post, url, operator, token, call, app } = await start(t, {
    config: { AG_UI_STREAMS_PER_PRINCIPAL: 2, AG_UI_BODY_BYTES: 2000 },
  })
  const first = await post()
  await first.event('TEXT_MESSAGE_CONTENT')
  const second = await openRun(t, `${url}/runs/run/events`, { token: operator })
  await second.event('MESSAGES_SNAPSHOT')
  const third = await openRun(t, `${url}/runs/run/events`, { token: operator })
  t.equal(third.response.status, 429)
  t.ok(third.response.headers.get('retry-after'))
  t.equal((await call(operator, 'POST', '/ag-ui/agents/a', bodyOf({ runId: 'more', threadId: 'more' }))).status, 429)
  const other = await openRun(t, `${url}/runs/run/events`, { token: await token('viewer', { sub: 'vic' }) })
  await other.event('MESSAGES_SNAPSHOT')
  second.cut()
  await until(() => app.connections.ofSub('ann').length === 1)
  const again = await openRun(t, `${url}/runs/run/events`, { token: operator })
  t.equal(again.response.status, 200)
  const long = bodyOf({ messages: [{ id: 'u', role: 'user', content: 'x'.repeat(2000) }] })
  t.equal((await call(await token('operator', { sub: 'bob' }), 'POST', '/ag-ui/agents/a', long)).status, 413)
})
