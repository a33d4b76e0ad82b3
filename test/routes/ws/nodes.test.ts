import t, { test } from 'tap'
import { connectAgent } from '../../helpers/bare-agent.ts'
import { sharedPair } from '../../helpers/node-pair.ts'
import { until } from '../../helpers/until.ts'
import { connectWs } from '../../helpers/ws-client.ts'

const pair = sharedPair(t)

test('[NO12] frames that change something are carried out by the active node, on behalf of their sender', async t => {
  const { active, gateway } = await pair()
  const agent = await connectAgent(t, active, 'alpha')
  const client = await connectWs(t, gateway.url, await gateway.token('operator', { sub: 'ann', agents: ['alpha'] }))
  await client.request('subscribe', { topics: ['agents.alpha.commands.*'] })
  const caught: number[] = []
  gateway.node.catchUp = async head => {
    caught.push(head)
    return true
  }
  const command = { agentId: 'alpha', kind: 'shell', input: 'true', idempotencyKey: 'k1' }
  const { ok, command: submitted } = await client.request('command:request', command)
  t.ok(ok)
  t.match(submitted, { agentId: 'alpha', createdBy: 'ann', status: /queued|dispatched/ })
  t.equal((await agent.next('command:dispatch')).payload.commandId, submitted.commandId)
  t.ok(caught[0]! > 0, 'the reply waits until this node has the change')
  t.match(await client.request('command:request', command), { ok: true, command: { commandId: submitted.commandId } })
  t.match(await client.request('command:request', { ...command, agentId: 'beta' }), {
    ok: false,
    error: { code: 'not_found' },
  })

  agent.say('command:ack', { commandId: submitted.commandId, attempt: 1 })
  const options = [{ id: 'yes', label: 'Yes', effect: 'allow', scope: 'once' }]
  agent.say('interaction:request', { interactionId: 'i1', kind: 'permission', title: 'May I?', options })
  await agent.handled()
  const answer = { interactionId: 'i1', optionId: 'yes' }
  t.match(await client.request('interaction:respond', answer), { ok: true, affected: true })
  t.match(await client.request('interaction:respond', answer), { ok: true, affected: false })
  t.match((await agent.next('interaction:answer')).payload, answer)
  t.match(await client.request('command:interrupt', { commandId: submitted.commandId }), { ok: true, affected: true })
  t.equal((await agent.next('command:interrupt')).payload.commandId, submitted.commandId)

  const admin = await gateway.token('admin')
  const { body } = await gateway.call<{ items: { payload: object }[] }>(
    admin,
    'GET',
    '/api/v1/events?topics=system.audit',
  )
  const by = { by: 'ann', via: 'ws', address: '127.0.0.1' }
  t.match(
    body.items.map(({ payload }) => payload),
    [
      { ...by, action: 'command:interrupt' },
      { ...by, action: 'interaction:answer' },
    ],
  )
})

test('[NO12] the active node also refuses what a token may no longer do', async t => {
  const { active, gateway } = await pair()
  await connectAgent(t, active, 'alpha')
  const client = await connectWs(t, gateway.url, await gateway.token('operator', { sub: 'ann' }))
  t.teardown(() => Reflect.deleteProperty(active.app.tokens, 'lapsed'))
  active.app.tokens.lapsed = () => ({ code: 'unauthorized', message: 'The token was revoked.', retryable: false })
  const command = { agentId: 'alpha', kind: 'shell', input: 'true' }
  t.match(await client.request('command:request', command), { ok: false, error: { code: 'unauthorized' } })
})

test('[NO13] a frame whose node dies is sent again if that is harmless; otherwise its sender is informed', async t => {
  const { nodes, active, gateway } = await pair()
  const agent = await connectAgent(t, active, 'alpha')
  const client = await connectWs(t, gateway.url, await gateway.token('operator'))
  const dying = nodes.join('dying')
  let asked = 0
  dying.bus.answer('frame', () => {
    asked++
    return new Promise(() => {})
  })
  await nodes.activate(dying)
  const command = { agentId: 'alpha', kind: 'shell', input: 'true' }
  const lost = client.request('command:request', command)
  await until(() => asked === 1)
  dying.bus.close()
  t.match(await lost, {
    ok: false,
    error: {
      ...{ code: 'unavailable', retryable: true, message: /may have been carried out.*idempotency/ },
      details: { outcome: 'unknown', retryAfterMs: Number },
    },
  })
  const kept = client.request('command:request', { ...command, idempotencyKey: 'k2' })
  await nodes.activate(active.node)
  t.match(await kept, { ok: true, command: { idempotencyKey: 'k2' } })
  t.equal(asked, 1)
  agent.say('heartbeat', { running: [] }, false)
})

test('[NO13] while no node is active, a frame waits for one', async t => {
  const { nodes, active, gateway } = await pair()
  const client = await connectWs(t, gateway.url, await gateway.token('operator'))
  await nodes.activate(undefined)
  const reply = client.request('command:interrupt', { commandId: 'none' })
  await nodes.activate(active.node)
  t.match(await reply, { ok: false, error: { code: 'not_found' } })
})
