import { AgentClient } from '@fleetwire/client/node'
import { test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { FLW_ERR_CLUSTER_BEHIND } from '../../src/errors.ts'
import type { AppendResult, EventDraft, ReadQuery, ReadResult } from '../../src/log/event-log.ts'
import { TimedLog } from '../../src/log/timed-log.ts'
import { startApp } from '../helpers/build.ts'
import { openLog } from '../helpers/log-folder.ts'
import { openStream } from '../helpers/sse-client.ts'
import { connectWs } from '../helpers/ws-client.ts'

/** A log that reads normally but accepts nothing while `isFull`. */
class FullLog extends TimedLog {
  isFull = false
  /** The append was sent to the store, and its outcome is unknown. */
  mayBeWritten = false

  override append(drafts: readonly EventDraft[]): Promise<AppendResult> {
    const { mayBeWritten } = this
    const full: AppendResult = { status: 'unavailable', retryAfterMs: 2000, reason: 'the disk is full', mayBeWritten }
    return this.isFull ? Promise.resolve(full) : super.append(drafts)
  }
}

test('[ER5] everything that the log would have to store is refused with the same error and a time to wait', async t => {
  const log = new FullLog(await openLog(t), systemClock)
  const { app, url, call, token } = await startApp(t, { eventLog: log })
  const admin = await token('admin')
  await call(admin, 'PUT', '/api/v1/tasks/t1', { title: 'one' })
  const agent = new AgentClient({ url, token: await token('agent', { sub: 'a1' }), handlers: {} })
  t.teardown(() => agent.stop({ graceMs: 0 }))
  const online = new Promise<void>(resolve => {
    agent.status.subscribe(({ state }) => state === 'online' && resolve())
  })
  await agent.start()
  await online
  log.isFull = true
  const command = { kind: 'shell', input: 'true' }
  const answers = await Promise.all([
    call(admin, 'POST', '/api/v1/agents/a1/commands', command),
    call(admin, 'POST', '/api/v1/commands', { selector: { ids: ['a1'] }, command }),
    call(admin, 'PUT', '/api/v1/tasks/t2', { title: 'two' }),
    call(admin, 'DELETE', '/api/v1/tasks/t1'),
    call(admin, 'POST', '/api/v1/events', { topic: 'tasks.t1.events', type: 'custom:x', payload: 1 }),
    call(admin, 'POST', '/api/v1/tokens', { sub: 'y', role: 'viewer' }),
    call(admin, 'DELETE', '/api/v1/subjects/x/tokens'),
  ])
  const published = await app.eventBus.publish({ topic: 'tasks.t1.events', type: 'custom:x', payload: 1 })
  const error = {
    code: 'unavailable',
    message: 'The log cannot accept writes now (the disk is full). Nothing was accepted; try again.',
    details: { retryAfterMs: 2000 },
  }
  for (const answer of answers) {
    t.match(answer, { status: 503, body: error })
    t.equal(answer.headers.get('retry-after'), '2')
  }
  t.match(published, { status: 'refused', error })
  log.isFull = false
  t.equal((await call(admin, 'POST', '/api/v1/agents/a1/commands', command)).status, 202)
})

test('[ER5] a request that may have been stored nevertheless is refused with an error that says so', async t => {
  const log = new FullLog(await openLog(t), systemClock)
  const { url, call, token } = await startApp(t, { eventLog: log })
  const admin = await token('admin')
  const client = await connectWs(t, url, admin)
  await call(admin, 'PUT', '/api/v1/tasks/t1', { title: 'one' })
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b', inventory: [] })
  await agent.next('connection:established')
  log.isFull = log.mayBeWritten = true
  const error = { code: 'unavailable', message: /may have been carried out/, details: { outcome: 'unknown' } }
  const command = { kind: 'shell', input: 'true' }
  for (const answer of await Promise.all([
    call(admin, 'POST', '/api/v1/agents/a1/commands', command),
    call(admin, 'POST', '/api/v1/commands', { selector: { ids: ['a1'] }, command }),
    call(admin, 'DELETE', '/api/v1/tasks/t1'),
    call(admin, 'POST', '/api/v1/events', { topic: 'tasks.t1.events', type: 'custom:x', payload: 1 }),
    call(admin, 'POST', '/api/v1/tokens', { sub: 'y', role: 'viewer' }),
    call(admin, 'DELETE', '/api/v1/subjects/x/tokens'),
  ]))
    t.match(answer, { status: 503, body: error })
  t.match(await client.request('command:request', { agentId: 'a1', ...command }), { ok: false, error })
})

test('[ER5] an agent hello that the log cannot store is refused with the same error and closed with a time to reconnect', async t => {
  const log = new FullLog(await openLog(t), systemClock)
  const { url, token } = await startApp(t, { eventLog: log })
  const bearer = await token('agent', { sub: 'a1' })
  log.isFull = true
  const agent = await connectWs(t, url, bearer, '/agent')
  agent.send('agent:connect', { bootId: 'b', inventory: [] })
  t.match((await agent.next('error')).payload, {
    code: 'unavailable',
    message: 'The log cannot accept writes now (the disk is full). Nothing was accepted; try again.',
  })
  t.match((await agent.next('connection:closing')).payload, { reconnectAfterMs: 1000 })
  t.equal(await agent.closed, 1012)
  log.isFull = false
  const again = await connectWs(t, url, bearer, '/agent')
  again.send('agent:connect', { bootId: 'b', inventory: [] })
  await again.next('connection:established')
})

/** A log that does not know whether the event that a cursor names exists. */
class LogBehind extends TimedLog {
  isBehind = true

  override read(query: ReadQuery): Promise<ReadResult> {
    return this.isBehind ? Promise.reject(new FLW_ERR_CLUSTER_BEHIND()) : super.read(query)
  }
}

test('[RS7] a client whose cursor is ahead of the server is told to reconnect later', async t => {
  const log = new LogBehind(await openLog(t), systemClock)
  const { url, call, token } = await startApp(t, { eventLog: log })
  const viewer = await token('viewer')
  const { head: cursor } = log
  const request = { resume: { cursor }, subscribe: ['agents.>'] }
  const client = await connectWs(t, url, viewer)
  client.send('dashboard:connect', request)
  t.match((await client.next('connection:closing')).payload, { code: 1012, reconnectAfterMs: 1000 })
  t.equal(await client.closed, 1012)
  const stream = await openStream(t, url, viewer, { query: '?topics=agents.>', lastEventId: cursor })
  t.match((await stream.next('connection:closing')).data, { code: 1012, reconnectAfterMs: 1000 })
  const answer = await call(viewer, 'GET', `/api/v1/events?after=${cursor}`)
  t.match(answer, { status: 503, body: { code: 'unavailable', details: { retryAfterMs: 1000 } } })
  t.equal(answer.headers.get('retry-after'), '1')
  log.isBehind = false
  const again = await connectWs(t, url, viewer)
  again.send('dashboard:connect', request)
  t.match((await again.next('connection:established')).payload, { resumed: true })
})
