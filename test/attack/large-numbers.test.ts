import { agentPayloads, clientPayloads } from '@fleetwire/protocol'
import t from 'tap'
import { expectRefusedEverywhere } from '../helpers/body-doors.ts'
import { startApp } from '../helpers/build.ts'
import { some } from '../helpers/sizes.ts'
import { connectWs } from '../helpers/ws-client.ts'

/** JSON that JavaScript parses as Infinity, with the path of the number. */
const TOO_LARGE = some('LARGE_NUMBERS', 2, [
  ['1e400', ''],
  ['-1E+400', ''],
  ['{"a":{"b":[0,-1e999,1]}}', '.a.b.1'],
  ['1.8e308', ''],
  ['9'.repeat(400), ''],
] as const)
/** Unusual numbers that are kept unchanged. */
const KEPT = ['1.7976931348623157e308', '-0.5', '1e-400', '"1e400"', '{"1e400":"-1e400"}']

t.test('[RE26] no field of any body of any route accepts a number that is too large to be kept', async t => {
  const values = TOO_LARGE.map(([json, place]) => ({
    json,
    says: (field: string) => `${field}${place} is a number too large to represent`,
  }))
  await expectRefusedEverywhere(t, values)
})

t.test('[FR22] no frame of any type accepts such a number, and those of agents count as consumed', async t => {
  const { url, token } = await startApp(t, { config: { FRAME_BURST: 10_000, AGENT_HEARTBEAT_MS: 60_000 } })
  const operator = await token('operator')
  const agentToken = await token('agent', { sub: 'a1' })
  const message = (field: string, place: string) => `payload.${field}${place}: a number too large`
  for (const type of Object.keys(clientPayloads)) {
    const board = await connectWs(t, url, operator)
    for (const [json, place] of TOO_LARGE) {
      board.raw(`{"type":"${type}","id":"large","payload":{"input":${json}}}`)
      const { id, payload } = await board.next('error')
      t.match({ id, ...payload }, { id: 'large', code: 'invalid_frame', message: message('input', place) }, type)
    }
    board.send('ping')
    await board.next('pong')
    await board.close()
  }
  for (const type of Object.keys(agentPayloads)) {
    const agent = await connectWs(t, url, agentToken, '/agent')
    if (type !== 'agent:connect') {
      agent.send('agent:connect', { bootId: `boot-${type.replace(':', '-')}` })
      await agent.next('connection:established')
    }
    for (const [i, [json, place]] of TOO_LARGE.entries()) {
      agent.raw(`{"type":"${type}","n":${i + 1},"id":"large","payload":{"result":${json}}}`)
      const { payload } = await agent.next('error')
      t.match(payload, { code: 'invalid_frame', message: message('result', place) }, type)
    }
    if (type !== 'agent:connect') {
      await agent.next(({ type, payload }) => type === 'report:ack' && payload.n === TOO_LARGE.length)
    }
    await agent.close()
  }
})

t.test('[FR22] [RE26] numbers that can be kept come back as they were sent', async t => {
  const { url, token, call } = await startApp(t)
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b' })
  await agent.next('connection:established')
  const admin = await token('admin')
  const input = `[${KEPT.join()}]`
  const answer = await fetch(`${url}/api/v1/agents/a1/commands`, {
    method: 'POST',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: `{"kind":"shell","input":${input}}`,
  })
  t.equal(answer.status, 202)
  const { commandId } = (await answer.json()) as { commandId: string }
  const sent = await agent.next('command:dispatch')
  t.same(sent.payload.input, JSON.parse(input))
  agent.raw(
    `{"type":"command:result","n":1,"payload":{"commandId":"${commandId}","attempt":1,"status":"succeeded","output":${input}}}`,
  )
  await agent.next(({ type, payload }) => type === 'report:ack' && payload.n === 1)
  const { body } = await call<{ output: unknown }>(admin, 'GET', `/api/v1/commands/${commandId}`)
  t.same(body.output, JSON.parse(input))
})

t.test('[FR22] [EB5] code in the same process cannot submit or publish such a number', async t => {
  const { app, url, token } = await startApp(t)
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b' })
  await agent.next('connection:established')
  await app.tasks.create({ taskId: 't1', fields: { title: 'T' } })
  const large = { n: [Number.POSITIVE_INFINITY] }
  const refusals = [
    await app.eventBus.publish({ topic: 'tasks.t1.events', type: 'custom:x', payload: large }),
    await app.eventBus.emitToolCall('a1', { toolCallId: 'c', name: 'n', phase: 'started', args: large }),
    await app.commandQueue.submit({ agentId: 'a1', kind: 'shell', input: large, createdBy: 'me' }),
    await app.tasks.act('t1', 'complete', { result: large }),
    await app.interactions.respond(
      'i1',
      { answers: { a: large } },
      { actor: { by: 'me', via: 'rest' }, canSee: () => true },
    ),
  ]
  for (const [i, refusal] of refusals.entries()) {
    const error = { code: 'invalid_request', message: /n\.0: a number too large to represent/ }
    t.match(refusal, { status: 'refused', error }, `${i}`)
  }
})

t.test('streamed tool call arguments that cannot be kept as a value stay text', async t => {
  const { url, token, call } = await startApp(t)
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b' })
  await agent.next('connection:established')
  const texts = ['{"n":1e400}', `${'['.repeat(80)}${']'.repeat(80)}`, '{"n":1e300}']
  let n = 0
  for (const [i, delta] of texts.entries()) {
    const of = { sessionId: 's1', toolCallId: `t${i}` }
    const report = (type: string, payload: object) =>
      agent.raw(JSON.stringify({ type, n: ++n, payload: { ...of, ...payload } }))
    report('tool:start', { name: 'calc' })
    report('tool:args', { delta })
    report('tool:end', { result: 'ok' })
  }
  await agent.next(({ type, payload }) => type === 'report:ack' && payload.n === n)
  const { body } = await call<{ items: object[] }>(await token('viewer'), 'GET', '/api/v1/sessions/s1/messages')
  t.match(body.items, [{ argsText: texts[0] }, { argsText: texts[1] }, { args: { n: 1e300 } }])
})
