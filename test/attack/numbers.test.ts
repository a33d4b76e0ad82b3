import { agentPayloads, clientPayloads } from '@fleetwire/protocol'
import type { TSchema } from '@sinclair/typebox'
import t from 'tap'
import { startApp } from '../helpers/build.ts'
import { connectWs } from '../helpers/ws-client.ts'

const MOST = Number.MAX_SAFE_INTEGER

/** Every integer schema within a schema, with its path. */
function* integersOf(schema: TSchema, path: string): Generator<[path: string, schema: TSchema]> {
  if (schema.type === 'integer') yield [path, schema]
  for (const [name, value] of Object.entries(schema)) {
    if (typeof value === 'object' && value !== null) yield* integersOf(value as TSchema, `${path}.${name}`)
  }
}

t.test('[FR17] no integer of a frame may exceed the largest exact integer', async t => {
  const found = [...Object.entries(agentPayloads), ...Object.entries(clientPayloads)].flatMap(([type, schema]) => [
    ...integersOf(schema, type),
  ])
  t.ok(found.length > 20)
  for (const [path, { minimum, maximum }] of found) {
    t.ok(maximum <= MOST && minimum >= -MOST, `${path}: ${minimum} to ${maximum}`)
  }
})

t.test('[FR17] offsets, numbers and amounts at the limits of exact integers do no harm', async t => {
  const { app, url, token, call } = await startApp(t)
  const admin = await token('admin')
  const viewer = await connectWs(t, url, admin)
  viewer.send('subscribe', { topics: ['>'] })
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  const at = (offset: number) => ({ terminalId: 't', offset, data: 'x'.repeat(1000), encoding: 'utf8' })
  agent.send('agent:connect', {
    bootId: 'b',
    inventory: [{ commandId: 'c', attempt: MOST, state: 'running' }],
    terminals: [{ terminalId: 't', cols: 80, rows: 24, offset: 2 ** 52 }],
  })
  await agent.next('connection:established')
  t.match(await viewer.request('terminal:open', { agentId: 'a1', terminalId: 't' }), { ok: true })
  await viewer.next('terminal:snapshot')
  for (const offset of [2 ** 52, 2 ** 52 - 1000, 2 ** 52, 0, 2 ** 52]) agent.send('terminal:output', at(offset))
  for (const offset of [2 ** 52 + 1, MOST, MOST + 1, 2 ** 60, 1e308, -1, 0.5]) agent.send('terminal:output', at(offset))
  for (const n of [MOST, MOST + 1, 1e308, -1, 0, 0.5]) {
    agent.raw(JSON.stringify({ type: 'agent:error', n, payload: { message: 'x' } }))
  }
  const usage = { source: 's', mode: 'delta', inputTokens: MOST, outputTokens: MOST, costUsd: 1e12 }
  for (let n = 1; n <= 5; n++) {
    agent.raw(JSON.stringify({ type: 'usage:report', n, payload: { ...usage, requestId: `r${n}` } }))
  }
  agent.raw('{"type":"agent:metrics","payload":{"a":1e308,"b":-1e308,"c":1e400}}')
  agent.raw('{"type":"agent:metrics","payload":{"a":1e308,"b":-1e308}}')
  await agent.next(({ type, payload }) => type === 'report:ack' && payload.n === 5)
  const used = await call<{ usage: unknown }>(admin, 'GET', '/api/v1/agents/a1')
  t.equal(used.status, 200)
  viewer.send('terminal:ack', { agentId: 'a1', terminalId: 't', offset: MOST })
  for (const inputSeq of [MOST, 0, MOST]) {
    await viewer.request('terminal:input', { agentId: 'a1', terminalId: 't', data: 'x', inputSeq })
  }
  viewer.send('heartbeat', { timestamp: 1e308 })
  t.match((await viewer.next('heartbeat')).payload, { echo: 1e308 })
  for (const client of [agent, viewer]) {
    const faults = client.frames.filter(({ type, payload }) => type === 'error' && payload.code === 'internal')
    t.same(faults, [])
    t.equal(client.socket.readyState, client.socket.OPEN)
  }
  t.match(app.agents.get('a1'), { link: 'online' })
})
