import { agentPayloads, clientPayloads, MAX_VALUE_DEPTH } from '@fleetwire/protocol'
import t from 'tap'
import { expectRefusedEverywhere } from '../helpers/body-doors.ts'
import { startApp } from '../helpers/build.ts'
import { some } from '../helpers/sizes.ts'
import { connectWs } from '../helpers/ws-client.ts'

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
const value = (levels: number) => JSON.parse(nested(levels)) as unknown
const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
const TOO_DEEP = [
  nested(MAX_VALUE_DEPTH + 1),
  objects(MAX_VALUE_DEPTH + 1),
  nested(99),
  nested(101),
  nested(5000),
  objects(20_000),
]

t.test('[RE24] no field of any body of any route accepts a value that is too deep', async t => {
  const says = (field: string) => `${field} is nested more than 64 levels deep`
  await expectRefusedEverywhere(
    t,
    some('DEEP_BODIES', 3, TOO_DEEP).map(json => ({ json, says })),
  )
})

t.test('[FR18] no frame of any type accepts a value that is too deep, and each counts as consumed', async t => {
  const { url, token } = await startApp(t, { config: { FRAME_BURST: 10_000, AGENT_HEARTBEAT_MS: 60_000 } })
  const operator = await token('operator')
  const agentToken = await token('agent', { sub: 'a1' })
  // Only a few for each connection, because 20 errors close it.
  const limits = some('DEEP_LIMITS', 2, [TOO_DEEP[0]!, TOO_DEEP[1]!, TOO_DEEP[3]!, TOO_DEEP[4]!])
  for (const type of Object.keys(clientPayloads)) {
    const board = await connectWs(t, url, operator)
    for (const deep of limits) {
      board.raw(`{"type":"${type}","id":"deep","payload":{"input":${deep}}}`)
      const { payload } = await board.next('error')
      t.match(payload, { code: 'invalid_frame', message: /nested more than (64|100) levels deep/ }, type)
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
    for (const [i, deep] of limits.entries()) {
      agent.raw(`{"type":"${type}","n":${i + 1},"id":"deep","payload":{"result":${deep}}}`)
      const { payload } = await agent.next('error')
      t.match(payload, { code: 'invalid_frame', message: /nested more than (64|100) levels deep/ }, type)
    }
    if (type !== 'agent:connect') {
      await agent.next(({ type, payload }) => type === 'report:ack' && payload.n === limits.length)
    }
    await agent.close()
  }
})

t.test('[LM7] [EB5] code in the same process cannot submit or publish a value that is too deep', async t => {
  const { app, url, token } = await startApp(t)
  const circle: Record<string, unknown> = {}
  circle.self = circle
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b' })
  await agent.next('connection:established')
  agent.send('interaction:request', { interactionId: 'i1', kind: 'form', title: 'T', n: 1 })
  await app.tasks.create({ taskId: 't1', fields: { title: 'T' } })
  for (const deep of [value(65), value(100), value(50_000), circle]) {
    const refusals = [
      await app.eventBus.publish({ topic: 'tasks.t1.events', type: 'custom:x', payload: deep }),
      await app.eventBus.emitToolCall('a1', { toolCallId: 'c', name: 'n', phase: 'started', args: deep }),
      await app.commandQueue.submit({ agentId: 'a1', kind: 'shell', input: deep, createdBy: 'me' }),
      await app.tasks.create({ fields: { title: 'T', result: deep } as never }),
      await app.tasks.act('t1', 'complete', { result: deep }),
      await app.interactions.respond(
        'i1',
        { answers: { a: deep } },
        { actor: { by: 'me', via: 'rest' }, canSee: () => true },
      ),
    ]
    for (const [i, refusal] of refusals.entries()) {
      t.match(
        refusal,
        { status: 'refused', error: { code: 'invalid_request', message: /nested more than 64/ } },
        `${i}`,
      )
    }
  }
  const whole = await app.eventBus.publish({ topic: 'tasks.t1.events', type: 'custom:x', payload: value(64) })
  t.equal(whole.status, 'ok')
  await t.rejects(
    app.eventLog.append([{ type: 'custom:x', topic: 'tasks.t1.events', payload: value(97) }]),
    /nested too deep to be delivered/,
    'the log itself refuses values that bypass these checks',
  )
})

t.test('[SE18] a patch that nests the state too deeply is refused, and the state stays unchanged', async t => {
  const { url, token, call } = await startApp(t)
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'b' })
  await agent.next('connection:established')
  const send = (type: string, payload: object, n: number) =>
    agent.raw(JSON.stringify({ type, n, payload: { sessionId: 's1', ...payload } }))
  send('state:snapshot', { snapshot: { deep: value(40) } }, 1)
  const path = `/deep${'/0'.repeat(38)}`
  agent.raw(
    JSON.stringify({
      type: 'state:patch',
      n: 2,
      payload: { sessionId: 's1', patch: [{ op: 'add', path: `${path}/0/-`, value: value(40) }] },
    }),
  )
  const { payload } = await agent.next('error')
  t.match(payload, { code: 'patch_failed', message: /64 levels/ })
  const board = await connectWs(t, url, await token('viewer'))
  board.send('subscribe', { topics: ['agents.>'] })
  const snapshot = await board.next('snapshot')
  const state = snapshot.payload.records.find(({ type }: { type: string }) => type === 'state:snapshot')
  t.same(state.payload.snapshot, { deep: value(40) })
  t.equal((await call(await token('viewer'), 'GET', '/api/v1/sessions')).status, 200)
})
