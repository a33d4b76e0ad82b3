import type { Command, Interaction, MintedToken } from '@fleetwire/protocol'
import { test } from 'tap'
import { connectAgent } from '../helpers/bare-agent.ts'
import { startApp } from '../helpers/build.ts'
import { startPair } from '../helpers/node-pair.ts'
import { connectWs, type WireFrame } from '../helpers/ws-client.ts'

interface Audit {
  by: string
  action: string
  what: string
  via: string
  address: string
  at: number
}

test('[AD1] [AD2] [AD3] each change is an event in the audit trail and a log line, without secrets', async t => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const server = await startApp(t, { logger: { stream } })
  const { url, token, call, log } = server
  const root = await token('admin', { sub: 'root' })
  const api = <T = unknown>(method: string, path: string, body?: object) =>
    call<T>(root, method, `/api/v1${path}`, body)
  const agent = await connectAgent(t, server, 'a1')
  const ann = await connectWs(t, url, await token('operator', { sub: 'ann' }))
  const trail: Audit[] = []
  log.follow(events => {
    for (const { type, topic, payload } of events)
      if (type === 'audit:recorded') trail.push({ ...(payload as Audit), ...(topic !== 'system.audit' && { topic }) })
  })
  const said = (by: string, action: string, what: string, via = 'rest') => {
    t.match(trail.shift(), { by, action, what, via, address: '127.0.0.1', at: Number }, `${action} ${what}`)
    t.same(trail.splice(0), [], `${action}: once`)
  }
  const submit = async () =>
    (await api<Command>('POST', '/agents/a1/commands', { kind: 'shell', input: 'hush-hush' })).body.commandId
  const first = await submit()
  const { attempt } = (await agent.next('command:dispatch')).payload
  agent.say('command:ack', { commandId: first, attempt })
  agent.say('interaction:request', {
    ...{ interactionId: 'i1', commandId: first, kind: 'permission', title: 'May I?' },
    options: [{ id: 'yes', label: 'Yes', effect: 'allow', scope: 'once' }],
  })
  await agent.handled()
  t.same(trail, [], 'agent reports and command submissions are recorded elsewhere')

  t.match(await ann.request('interaction:respond', { interactionId: 'i1', optionId: 'yes', text: 'hush-hush' }), {
    ok: true,
  })
  said('ann', 'interaction:answer', 'i1', 'ws')
  await api<Interaction>('POST', '/interactions/i1/respond', { optionId: 'yes', text: 'hush-hush' })
  t.same(trail, [], 'a request that changes nothing is not recorded')
  const second = await submit()
  await api('PATCH', `/commands/${second}`, { priority: 3 })
  said('root', 'command:edit', second)
  await api('DELETE', `/commands/${second}`)
  said('root', 'command:drop', second)
  await api('POST', `/commands/${second}/retry`)
  said('root', 'command:retry', second)
  t.match(await ann.request('command:interrupt', { commandId: first }), { ok: true, affected: true })
  said('ann', 'command:interrupt', first, 'ws')
  await ann.request('command:interrupt', { commandId: first })
  t.same(trail, [], 'a second interrupt affects nothing')
  const batch = await api<{ parentId: string }>('POST', '/commands', {
    selector: { ids: ['a1'] },
    command: { kind: 'shell', input: 'x' },
  })
  await api('POST', `/batches/${batch.body.parentId}/stop`)
  said('root', 'batch:stop', batch.body.parentId)

  await api('POST', '/tasks', { taskId: 't1', title: 'hush-hush' })
  said('root', 'task:create', 't1')
  await api('PUT', '/tasks/t1', { title: 'x' })
  said('root', 'task:replace', 't1')
  await api('PATCH', '/tasks/t1', { message: 'hush-hush' })
  said('root', 'task:edit', 't1')
  for (const action of ['start', 'pause', 'complete']) {
    await api('POST', `/tasks/t1/${action}`)
    said('root', `task:${action}`, 't1')
  }
  await api('DELETE', '/tasks/t1')
  said('root', 'task:delete', 't1')

  const minted = await api<MintedToken>('POST', '/tokens', { sub: 'eve', role: 'viewer' })
  said('root', 'token:mint', minted.body.jti)
  const eve = await connectWs(t, url, minted.body.token)
  await api('DELETE', `/connections/${(eve.frames[0] as WireFrame).payload.connectionId}`)
  said('root', 'connection:close', (eve.frames[0] as WireFrame).payload.connectionId)
  await api('DELETE', `/tokens/${minted.body.jti}`)
  said('root', 'token:revoke', minted.body.jti)
  await api('DELETE', '/tokens/not-minted-here')
  said('root', 'token:revoke', 'not-minted-here')
  await api('DELETE', '/subjects/eve/tokens')
  said('root', 'subject:revoke', 'eve')
  t.equal((await api('DELETE', '/agents/a1')).status, 409)
  t.same(trail, [], 'a refused request is not recorded')
  await api('POST', '/agents/a1/disconnect')
  said('root', 'agent:disconnect', 'a1')
  while (server.app.agents.isConnected('a1')) await new Promise(resolve => setImmediate(resolve))
  await api('DELETE', '/agents/a1')
  said('root', 'agent:remove', 'a1')

  const told = lines.map(line => JSON.parse(line)).filter(({ msg }) => msg === 'audit')
  t.equal(told.length, 20)
  t.match(told[0].audit, { by: 'ann', action: 'interaction:answer', what: 'i1', via: 'ws' })
  const history = await api('GET', '/events?topics=system.audit&limit=500')
  t.equal((history.body as { items: unknown[] }).items.length, 20)
  for (const secret of ['hush-hush', minted.body.token, root]) t.notMatch(JSON.stringify([history.body, told]), secret)
})

test('[AD1] only one of several nodes writes the log line', async t => {
  const lines: string[] = []
  const { gateway } = await startPair(t, { logger: { stream: { write: (line: string) => void lines.push(line) } } })
  const { status } = await gateway.call(await gateway.token('admin'), 'DELETE', '/api/v1/subjects/eve/tokens')
  t.equal(status, 204)
  const told = lines.map(line => JSON.parse(line)).filter(({ msg }) => msg === 'audit')
  t.equal(told.length, 1)
  t.match(told[0].audit, { action: 'subject:revoke', what: 'eve' })
})

test('[AD1] [PM6] only admins who see every agent see the trail', async t => {
  const { url, token, call } = await startApp(t)
  const root = await connectWs(t, url, await token('admin', { sub: 'root' }))
  t.match(await root.request('subscribe', { topics: ['system.audit'] }), { ok: true })
  for (const [role, options] of [
    ['operator', {}],
    ['viewer', {}],
    ['admin', { agents: ['a*'] }],
    ['admin', { scopes: ['read', 'command'] }],
  ] as const) {
    const bearer = await token(role, options as object)
    const client = await connectWs(t, url, bearer)
    t.match(await client.request('subscribe', { topics: ['system.audit'] }), {
      ok: false,
      error: { code: 'forbidden' },
    })
    t.equal((await call(bearer, 'GET', '/api/v1/events?topics=system.audit')).status, 403)
    await client.request('subscribe', { topics: ['>'], snapshot: false })
    await call(await token('operator', { sub: 'op' }), 'POST', '/api/v1/tasks', { title: 'x' })
    await root.next('audit:recorded')
    await client.next('task:created')
    t.notOk(
      client.frames.some(({ topic }) => topic?.startsWith('system.')),
      `${role} ${JSON.stringify(options)}`,
    )
  }
})
