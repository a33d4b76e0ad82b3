import { DashboardClient as PlatformClient } from '@fleetwire/client'
import {
  AgentClient,
  type CommandHandler,
  DashboardClient,
  type DashboardEvent,
  MessageBuffer,
} from '@fleetwire/client/node'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { startApp } from '../helpers/build.ts'
import { Notes } from '../helpers/notes.ts'
import { Wire } from '../helpers/wire.ts'

async function fleet(t: Test, handlers: Record<string, CommandHandler>) {
  const { url, token } = await startApp(t)
  const agentWire = new Wire()
  const wire = new Wire()
  const agentToken = await token('agent', { sub: 'a1' })
  const agent = new AgentClient({ url, token: agentToken, socket: agentWire.socket, random: () => 0, handlers })
  const client = new DashboardClient({ url, token: await token('operator'), socket: wire.socket, random: () => 0 })
  t.teardown(async () => {
    client.close()
    await agent.stop({ graceMs: 0 })
  })
  const online = new Notes<string>()
  agent.status.subscribe(({ state }) => online.note(state))
  await agent.start()
  await online.until(states => states.includes('online'))
  client.connect()
  return { agent, client, wire, agentWire }
}

t.test('an answer streams to a dashboard completely and once, although its socket is cut repeatedly', async t => {
  const words = Array.from({ length: 120 }, (_, i) => `word${i} `)
  let cut = () => {}
  const { client, wire } = await fleet(t, {
    async prompt(run) {
      const message = { sessionId: 's1', messageId: 'm1' }
      run.report('session:start', { sessionId: 's1', title: 'Talk' })
      run.report('message:start', { ...message, role: 'assistant' })
      for (const [i, word] of words.entries()) {
        run.report('message:delta', { ...message, delta: word })
        if (i % 30 === 10) cut()
        await new Promise(resolve => setImmediate(resolve))
      }
      run.report('message:end', message)
      return { status: 'succeeded', output: run.attempt }
    },
  })
  cut = () => wire.cut()
  const messages = new MessageBuffer()
  const seen = new Notes<DashboardEvent>()
  const snapshots = new Notes<number>()
  client.subscribe('agents.a1.>', {
    snapshot({ records }) {
      snapshots.note(records.length)
      for (const record of records) messages.apply(record)
    },
    event(event) {
      messages.apply(event)
      seen.note(event)
    },
  })
  await snapshots.until(({ length }) => length > 0)
  const submitted = await client.submit({ agentId: 'a1', kind: 'prompt', input: 'talk' })
  t.ok(submitted.ok)
  await seen.until(events => events.some(({ type }) => type === 'command:succeeded'))

  t.same(
    messages.messages.map(({ text, state }) => [text, state]),
    [[words.join(''), 'ended']],
  )
  const cursors = seen.items.map(({ cursor }) => cursor)
  t.equal(new Set(cursors).size, cursors.length, 'no duplicate events')
  t.equal(snapshots.items.length, 1, 'every reconnect was a resume')
  const deltas = seen.items.filter(({ type }) => type === 'message:delta')
  t.equal(deltas.map(({ payload }) => (payload as { delta: string }).delta).join(''), words.join(''), 'in order')
  const ends = seen.items.filter(({ type }) => type === 'command:succeeded')
  t.match(ends, [{ payload: { output: 1, attempt: 1 } }], 'one end, of one run')
  t.ok(wire.made > 1, 'the client did reconnect')
})

t.test('an interrupt is confirmed, and a second one affects nothing', async t => {
  const { client } = await fleet(t, {
    shell: run =>
      new Promise((_, reject) => {
        run.signal.addEventListener('abort', () => reject(new Error('stopped')))
      }),
  })
  const statuses = new Notes<string>()
  client.subscribe('agents.a1.commands.*', { event: ({ type }) => statuses.note(type) })
  const submitted = await client.submit({ agentId: 'a1', kind: 'shell', input: 'sleep' })
  if (!submitted.ok) return t.fail(submitted.error.message)
  await statuses.until(types => types.includes('command:running'))
  t.match(await client.interrupt(submitted.command.commandId), { ok: true, affected: true })
  await statuses.until(types => types.includes('command:cancelled'))
  t.match(await client.interrupt(submitted.command.commandId), { ok: true, affected: false, status: 'cancelled' })
  t.match(await client.interrupt('cmd_nobody'), { ok: false, error: { code: 'not_found' } })
})

t.test('a terminal delivers every byte once, in order, although both ends lose their sockets', async t => {
  const { agent, client, wire, agentWire } = await fleet(t, {})
  const typed = new Notes<string>()
  const terminal = agent.openTerminal({ terminalId: 'main', cols: 200, rows: 50, onInput: data => typed.note(data) })
  const shown = new Notes<number>()
  let screen = ''
  const view = client.openTerminal({
    agentId: 'a1',
    onSnapshot(snapshot) {
      screen = snapshot.screen
      shown.note(snapshot.offset)
    },
    onOutput(bytes, { offset }) {
      screen += new TextDecoder().decode(bytes)
      shown.note(offset + bytes.length)
    },
  })
  await shown.until(({ length }) => length > 0)
  t.match(await view.input('ls\r'), { ok: true })
  await typed.until(({ length }) => length > 0)
  t.same(typed.items, ['ls\r'])
  for (let i = 0; i < 40; i++) {
    terminal.write(new TextEncoder().encode(`line ${i}\r\n`))
    if (i % 15 === 5) wire.cut()
    if (i % 15 === 9) agentWire.cut()
    await new Promise(resolve => setImmediate(resolve))
  }
  await shown.until(offsets => offsets.at(-1) === terminal.offset)
  const numbers = [...screen.matchAll(/line (\d+)/g)].map(([, number]) => Number(number))
  t.same(
    numbers,
    Array.from({ length: 40 }, (_, i) => i),
  )
})

t.test('[AU11] a socket outlives the tokens that a function returns, with the rights of each', async t => {
  const { url, token, app } = await startApp(t)
  const roles = ['viewer', 'operator', 'viewer'] as const
  let made = 0
  const wire = new Wire()
  const client = new DashboardClient({
    url,
    token: () => token(roles[made++] ?? 'viewer', { sub: 'ann', ttlSeconds: 6 }),
    socket: wire.socket,
  })
  t.teardown(() => client.close())
  const told = new Notes<string>()
  client.status.subscribe(status => told.note(status.state === 'online' ? `online as ${status.role}` : status.state))
  client.connect()
  await told.until(items => items.length >= 4)
  t.same(told.items, ['connecting', 'online as viewer', 'online as operator', 'online as viewer'])
  t.equal(wire.made, 1)
  t.equal(app.connections.size, 1)
})

t.test("over the platform's WebSocket, an invalid fixed token stops the client with the reason", async t => {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  /** Like browsers, it does not reveal why an upgrade was refused. */
  class Quiet extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols)
      this.on('error', () => {})
    }
  }
  Object.defineProperty(globalThis, 'WebSocket', { value: Quiet, configurable: true, writable: true })
  t.teardown(() =>
    own === undefined
      ? Reflect.deleteProperty(globalThis, 'WebSocket')
      : Object.defineProperty(globalThis, 'WebSocket', own),
  )
  const { url, token, app } = await startApp(t)
  const revoked = await token('viewer', { sub: 'ann' })
  await app.tokens.revokeSubject('ann', 'test')
  const agents = await token('agent', { sub: 'a1' })
  for (const [bad, httpStatus] of [
    ['nonsense', 401],
    [revoked, 401],
    [agents, 403],
  ] as const) {
    const client = new PlatformClient({ url, token: bad })
    t.teardown(() => client.close())
    const stopped = new Notes<unknown>()
    client.status.subscribe(status => status.state === 'stopped' && stopped.note(status.cause))
    client.connect()
    await stopped.until(items => items.length > 0)
    t.match(stopped.items, [{ httpStatus, reason: 'the token was refused' }])
  }
})
