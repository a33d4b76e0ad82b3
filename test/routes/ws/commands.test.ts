import t from 'tap'
import { startApp } from '../../helpers/build.ts'
import { connectWs } from '../../helpers/ws-client.ts'

t.test('[CQ11] a dashboard submits a command, sees every step, and interrupts it', async t => {
  const { url, token } = await startApp(t)
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'boot', inventory: [] })
  await agent.next('connection:established')
  const operator = await connectWs(t, url, await token('operator', { sub: 'ann' }))
  const watcher = await connectWs(t, url, await token('viewer'))
  await watcher.request('subscribe', { topics: ['agents.*.commands.*'] })

  const submitted = await operator.request('command:request', { agentId: 'a1', kind: 'shell', input: 'sleep 9' })
  t.match(submitted, { ok: true, command: { agentId: 'a1', status: 'queued', createdBy: 'ann' } })
  const { commandId } = submitted.command
  const { payload: dispatch } = await agent.next('command:dispatch')
  t.match(dispatch, { commandId, attempt: 1, kind: 'shell', input: 'sleep 9' })
  agent.raw(JSON.stringify({ type: 'command:ack', n: 1, payload: { commandId, attempt: 1 } }))
  await watcher.next('command:running')

  const interrupted = await operator.request('command:interrupt', { commandId, reason: 'enough' })
  t.match(interrupted, { ok: true, affected: true, status: 'running' })
  t.match(await operator.request('command:interrupt', { commandId }), { ok: true, affected: false })
  await agent.next('command:interrupt')
  agent.raw(JSON.stringify({ type: 'command:result', n: 2, payload: { commandId, attempt: 1, status: 'cancelled' } }))
  const { payload } = await watcher.next('command:cancelled')
  t.match(payload, { commandId, status: 'cancelled', confirmed: true })
  const steps = watcher.frames.map(({ type }) => type).filter(type => type.startsWith('command:'))
  t.same(steps, ['command:queued', 'command:dispatched', 'command:running', 'command:cancelling', 'command:cancelled'])
})

t.test(
  '[PM1] [PM4] [TM7] a token that may not command gets forbidden; what it may not see does not exist for it',
  async t => {
    const { url, token } = await startApp(t)
    const agent = await connectWs(t, url, await token('agent', { sub: 'prod' }), '/agent')
    agent.send('agent:connect', { bootId: 'boot' })
    await agent.next('connection:established')
    const request = { agentId: 'prod', kind: 'shell', input: 'true' }
    const admin = await connectWs(t, url, await token('admin'))
    const { command } = await admin.request('command:request', request)

    const viewer = await connectWs(t, url, await token('viewer'))
    const code = async (client: typeof viewer, type: string, payload: object) =>
      (await client.request(type, payload)).error?.code
    t.equal(await code(viewer, 'command:request', request), 'forbidden')
    t.equal(await code(viewer, 'command:interrupt', command), 'forbidden')
    t.equal(await code(viewer, 'interaction:respond', { interactionId: 'i' }), 'forbidden')
    t.equal(await code(viewer, 'terminal:input', { agentId: 'prod', data: 'x', inputSeq: 1 }), 'forbidden')
    t.equal(await code(viewer, 'terminal:resize', { agentId: 'prod', cols: 80, rows: 24 }), 'forbidden')

    const stranger = await connectWs(t, url, await token('operator', { agents: ['dev-*'] }))
    t.equal(await code(stranger, 'command:request', request), 'not_found')
    t.equal(await code(stranger, 'command:interrupt', { commandId: command.commandId }), 'not_found')
    t.equal(await code(stranger, 'terminal:open', { agentId: 'prod' }), 'not_found')
    t.equal(await code(stranger, 'interaction:respond', { interactionId: 'i' }), 'not_found')
  },
)

t.test('a terminal has a snapshot, output, input and a size until it is closed', async t => {
  const { url, token } = await startApp(t)
  const agent = await connectWs(t, url, await token('agent', { sub: 'a1' }), '/agent')
  agent.send('agent:connect', { bootId: 'boot', terminals: [] })
  await agent.next('connection:established')
  const output = (offset: number, data: string) =>
    agent.send('terminal:output', { terminalId: 'main', offset, data, encoding: 'utf8' })
  output(0, 'hello')
  const operator = await connectWs(t, url, await token('operator'))
  operator.send('terminal:open', { agentId: 'a1', terminalId: 'main', mode: 'bytes' })
  const { payload: snapshot } = await operator.next(
    ({ type, payload }) => type === 'terminal:snapshot' && payload.offset === 5,
  )
  t.match(snapshot.screen, /hello/)
  output(5, ' world')
  t.match(await operator.next('terminal:output'), { payload: { offset: 5, data: ' world' } })
  operator.send('terminal:ack', { agentId: 'a1', terminalId: 'main', offset: 11 })

  const input = { agentId: 'a1', terminalId: 'main', data: 'ls\r', inputSeq: 1 }
  t.same(await operator.request('terminal:input', input), { ok: true })
  t.match(await agent.next('terminal:input'), { payload: { terminalId: 'main', data: 'ls\r' } })
  t.same(await operator.request('terminal:resize', { agentId: 'a1', terminalId: 'main', cols: 100, rows: 30 }), {
    ok: true,
  })
  t.match(await agent.next('terminal:resize'), { payload: { cols: 100, rows: 30 } })
  t.same(await operator.request('terminal:close', { agentId: 'a1', terminalId: 'main' }), { ok: true })
  const before = operator.frames.length
  output(11, 'unseen')
  await operator.request('ping')
  t.equal(operator.frames.length, before + 1)
})
