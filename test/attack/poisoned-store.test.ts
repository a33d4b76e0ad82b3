import { join } from 'node:path'
import { type Command, decodeServerFrame, topics } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { loadDriver } from '../../src/log/sqlite-driver.ts'
import { startApp } from '../helpers/build.ts'
import { connectWs } from '../helpers/ws-client.ts'

const driver = await loadDriver()
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
/** Deeper than a frame may be, deeper than `JSON.stringify` can handle, truncated, and empty. */
const POISON = [nested(99), nested(20_000), '[1,', '']

interface Page {
  items: Record<string, string>[]
}

/** A data folder of an earlier version: a valid item of each kind, and one item for each poisoned value. */
async function poisoned(t: Test): Promise<{ dir: string; cursor: string; commandIds: string[] }> {
  const dir = t.testdir()
  const { app, url, token, call } = await startApp(t, { config: { DATA_DIR: dir } })
  const operator = await token('operator')
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b1' })
  await agent.next('connection:established')
  agent.raw('{"type":"state:snapshot","n":1,"payload":{"sessionId":"s1","snapshot":"HERE"}}')
  agent.raw('{"type":"session:start","n":2,"payload":{"sessionId":"s2","title":"sound"}}')
  agent.raw(
    '{"type":"interaction:request","n":3,"payload":{"interactionId":"i1","kind":"form","title":"T","schema":"HERE"}}',
  )
  await agent.next(({ type, payload }) => type === 'report:ack' && payload.n === 3)
  await agent.close()
  await call(operator, 'POST', '/api/v1/tasks', { taskId: 't0', title: 'sound' })
  const { cursor } = (await call<{ cursor: string }>(operator, 'GET', '/api/v1/events?limit=1')).body
  const commandIds: string[] = []
  for (const i of POISON.keys()) {
    const { body } = await call<Command>(operator, 'POST', '/api/v1/agents/a1/commands', {
      kind: 'shell',
      input: 'HERE',
    })
    commandIds.push(body.commandId)
    await call(operator, 'POST', '/api/v1/tasks', { taskId: `t${i + 1}`, title: 'HERE' })
    const event = { topic: 'tasks.t0.events', type: 'custom:x', payload: { n: i, deep: 'HERE' } }
    await call(operator, 'POST', '/api/v1/events', event)
  }
  await app.close()

  const db = driver.open(join(dir, 'fleetwire.db'))
  for (const table of ['records', 'events']) {
    const key = table === 'records' ? 'n' : 'seq'
    const rows = db.prepare(`SELECT ${key} AS key, payload FROM ${table} WHERE payload LIKE '%"HERE"%' ORDER BY key`)
    const put = db.prepare(`UPDATE ${table} SET payload = ? WHERE ${key} = ?`)
    for (const [i, { key, payload }] of (rows.all() as { key: number; payload: string }[]).entries()) {
      put.run(payload.replace('"HERE"', POISON[i % POISON.length]!), key)
    }
  }
  db.close()
  return { dir, cursor, commandIds }
}

t.test('[SB9] [RS6] [CS30] a store with entries that no frame can carry serves all others', async t => {
  const { dir, cursor, commandIds } = await poisoned(t)
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const { url, token, call } = await startApp(t, { config: { DATA_DIR: dir }, logger: { stream } })
  const operator = await token('operator')

  const board = await connectWs(t, url, operator)
  board.send('subscribe', { topics: ['agents.>', 'tasks.>'] })
  const { payload: snapshot } = await board.next('snapshot')
  const shown = snapshot.records.map(({ topic }: { topic: string }) => topic)
  for (const topic of [topics.agentStatus('a1'), topics.taskStatus('t0'), topics.sessionStatus('a1', 's2')]) {
    t.ok(shown.includes(topic), topic)
  }
  board.send('ping')
  await board.next('pong')
  const error = board.frames.find(({ type }) => type === 'error')!.payload
  t.match(error, { code: 'internal', message: /does not fit in a frame/ })
  for (const taskId of ['t1', 't2', 't3', 't4']) {
    t.notOk(shown.includes(topics.taskStatus(taskId)), `${taskId} is left out`)
    t.ok(error.details.topics.includes(topics.taskStatus(taskId)), 'and named in the error')
  }
  t.ok(decodeServerFrame(JSON.stringify({ type: 'snapshot', payload: snapshot })).ok, 'clients accept it')

  const resumed = await connectWs(t, url, operator)
  resumed.send('dashboard:connect', { resume: { cursor }, subscribe: ['tasks.>'] })
  t.match((await resumed.next('connection:established')).payload, { resumed: true })
  await resumed.next('resume:done')
  t.match(resumed.frames.find(({ type }) => type === 'error')?.payload.details.topics, [/^tasks\./])

  const streamed = await fetch(`${url}/api/v1/events/stream?topics=agents.%3E,tasks.%3E`, {
    headers: { authorization: `Bearer ${operator}` },
  })
  let text = ''
  for await (const chunk of streamed.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (text.includes('event: error')) break
  }
  t.match(text, /event: snapshot/)

  for (const path of [
    '/agents',
    '/commands',
    '/agents/a1/commands',
    '/tasks',
    '/sessions',
    '/interactions',
    '/events',
  ]) {
    const { status, body } = await call<Page>(operator, 'GET', `/api/v1${path}`)
    t.equal(status, 200, path)
    t.ok(Array.isArray(body.items), path)
  }
  t.match((await call<Page>(operator, 'GET', '/api/v1/tasks')).body.items, [{ taskId: 't0' }])
  for (const format of ['json', 'csv', 'md']) {
    t.equal((await call(operator, 'GET', `/api/v1/tasks/export/${format}`)).status, 200, format)
  }

  // Commands that are valid JSON can still be ended. They were queued, and must not block the commands after them.
  let ended = 0
  for (const commandId of commandIds) {
    const { status, body } = await call<Command>(operator, 'GET', `/api/v1/commands/${commandId}`)
    if (status === 404) continue
    ended++
    t.match(body, { status: 'failed', reason: 'undeliverable', error: /nested deeper/, retryable: false })
  }
  t.equal(ended, 2)
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b2' })
  await agent.next('connection:established')
  const sent = await call<Command>(operator, 'POST', '/api/v1/agents/a1/commands', { kind: 'shell', input: 'ls' })
  t.equal((await agent.next('command:dispatch')).payload.commandId, sent.body.commandId, 'the next command is sent')

  const faults = lines.filter(line => line.includes('FLW_ERR_LOG_ENTRY'))
  t.ok(faults.length > 5, 'the log names each entry')
  t.equal(new Set(faults.map(line => JSON.parse(line).err.message)).size, faults.length, 'only once')
})
