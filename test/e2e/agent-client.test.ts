import { AgentClient, nodeSocket, type SocketPort } from '@fleetwire/client/node'
import type { Agent, Command } from '@fleetwire/protocol'
import t from 'tap'
import { startApp } from '../helpers/build.ts'

t.test('an SDK agent loses neither a result nor a terminal byte when its socket is cut', async t => {
  const { url, token, call, log } = await startApp(t)
  const operator = await token('operator')
  let socket: SocketPort | undefined
  let started = () => {}
  let finish = () => {}
  const running = new Promise<void>(resolve => (started = resolve))
  const agent = new AgentClient({
    url,
    token: await token('agent', { sub: 'a1' }),
    name: 'Ada',
    random: () => 0,
    socket: (target, events) => (socket = nodeSocket(target, events)),
    handlers: {
      async shell(run) {
        started()
        if (run.input === 'wait') await new Promise<void>(resolve => (finish = resolve))
        return { status: 'succeeded', output: `ran ${run.input}` }
      },
    },
  })
  t.teardown(() => agent.stop({ graceMs: 0 }))
  const terminal = agent.openTerminal({ terminalId: 'main', cols: 40, rows: 5 })
  terminal.write(new TextEncoder().encode('before the cut\r\n'))
  const online = new Promise<void>(resolve => {
    agent.status.subscribe(({ state }) => state === 'online' && resolve())
  })
  await agent.start()
  await online

  const submitted = await call<Command>(operator, 'POST', '/api/v1/agents/a1/commands', {
    kind: 'shell',
    input: 'wait',
  })
  t.equal(submitted.status, 202)
  await running
  socket?.drop()
  terminal.write(new TextEncoder().encode('while it was away\r\n'))
  finish()
  const { commandId } = submitted.body
  const second = await call<Command>(operator, 'POST', '/api/v1/agents/a1/commands?wait=20', {
    kind: 'shell',
    input: 'ls',
  })
  t.match(second, { status: 200, body: { status: 'succeeded', output: 'ran ls', attempt: 1 } })
  const first = await call<Command>(operator, 'GET', `/api/v1/commands/${commandId}`)
  t.match(first.body, { status: 'succeeded', output: 'ran wait', attempt: 1 })
  t.notOk(first.body.lateResult)
  const screen = await call<string>(operator, 'GET', '/api/v1/agents/a1/terminal')
  t.match(screen.body, /before the cut\s+while it was away/)

  const offline = new Promise<Agent>(resolve => {
    log.follow(events => {
      const last = events.findLast(({ type }) => type === 'agent:status')?.payload as Agent | undefined
      if (last?.link === 'offline') resolve(last)
    })
  })
  await agent.stop()
  t.match(await offline, { status: 'offline', name: 'Ada', running: [] })
})
