import t from 'tap'
import { AgentClient } from './agent-client.ts'
import { systemClock } from './clock.ts'
import { Connection, type ConnectionHandler, type ConnectionOptions, type ConnectionStatus } from './connection.ts'
import { DashboardClient } from './dashboard-client.ts'
import { nodeSocket } from './node/node-socket.ts'
import { browserSocket, type SocketEvents, type SocketFactory, socketUrl } from './socket.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { ScriptedServer, tokenOf } from './testing/scripted-server.ts'
import { statusOf } from './testing/status-of.ts'

/** A connection over fake sockets that the test controls. */
function onPaper(over: Partial<ConnectionOptions> = {}, handler: Pick<ConnectionHandler, 'refresh'> = {}) {
  const clock = new FakeClock()
  const seen: string[] = []
  const sockets: { events: SocketEvents; token: string; sent: string[]; ends: string[] }[] = []
  const socket: SocketFactory = ({ token }, events) => {
    const wire = { events, token, sent: [] as string[], ends: [] as string[] }
    sockets.push(wire)
    return {
      bufferedAmount: 0,
      send: text => wire.sent.push(text),
      close: code => wire.ends.push(`close ${code}`),
      drop: () => wire.ends.push('drop'),
    }
  }
  const connection: Connection<{ role?: string }> = new Connection(
    { url: 'ws://x/ws', token: 'T', socket, clock, random: () => 1, ...over },
    {
      ...handler,
      opened: () => seen.push('opened'),
      text: text => {
        seen.push(text.trim())
        if (text === 'established') connection.established(10_000, { role: 'viewer' })
        if (text === 'stop') connection.stop()
      },
      down: () => seen.push('down'),
      probe: () => seen.push('probe'),
    },
  )
  return { clock, connection, seen, sockets }
}

/** Lets the token promise settle. */
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

t.test('a half-open socket is dropped after two silent intervals, without waiting for its close frame', async t => {
  const { clock, connection, seen, sockets } = onPaper()
  connection.start()
  await turn()
  sockets[0]!.events.open()
  sockets[0]!.events.text('established')
  t.equal(connection.status.value.state, 'online')
  clock.advance(9_000)
  sockets[0]!.events.alive()
  clock.advance(20_000)
  t.same(sockets[0]!.ends, ['drop'])
  t.same(seen, ['opened', 'established', 'probe', 'down'])
  t.match(connection.status.value, { state: 'waiting', cause: { reason: 'no sign of life' } })
  sockets[0]!.events.text('too late')
  sockets[0]!.events.closed({ code: 4409, reason: '' })
  t.notOk(seen.includes('too late'), 'what the old socket still says is nobody’s business')
  clock.advance(500)
  await turn()
  t.equal(sockets.length, 2)
  connection.stop()
  t.equal(clock.timers, 0)
})

t.test(
  'a message of several frames is given frame by frame, and no further once the connection was stopped',
  async t => {
    const { connection, seen, sockets } = onPaper()
    connection.start()
    await turn()
    const { events } = sockets[0]!
    events.open()
    events.text('established\n\na\r\n \r\nb\n')
    t.same(seen, ['opened', 'established', 'a', 'b'])
    events.text('c\nstop\nd')
    t.same(seen.slice(4), ['c', 'stop', 'down'])
  },
)

t.test('a server that accepts and says nothing does not hold the client', async t => {
  const { clock, connection, sockets } = onPaper({ handshakeTimeoutMs: 3_000 })
  connection.start()
  await turn()
  sockets[0]!.events.open()
  clock.advance(3_000)
  t.same(sockets[0]!.ends, ['drop'])
  t.match(connection.status.value, { state: 'waiting', cause: { reason: 'handshake timeout' } })
  connection.stop()
  t.equal(clock.timers, 0)
})

t.test('each state says what belongs to it: since when there is no connection, and what the greeting said', async t => {
  const { clock, connection, sockets } = onPaper()
  const told: ConnectionStatus<{ role?: string }>[] = []
  connection.status.subscribe(status => told.push(status))
  const begun = clock.now()
  connection.start()
  await turn()
  sockets[0]!.events.closed({ code: 1006, reason: '' })
  clock.advance(500)
  await turn()
  sockets[1]!.events.open()
  sockets[1]!.events.text('established')
  connection.amended({ role: 'operator' })
  clock.advance(1_000)
  sockets[1]!.events.closed({ code: 1006, reason: 'cut' })
  clock.advance(1_000)
  connection.amended({ role: 'admin' })
  connection.stop('enough')
  const cause = { code: 1006, reason: '' }
  t.same(told, [
    { state: 'connecting', attempt: 1, downSince: begun },
    { state: 'waiting', retryAt: begun + 500, cause, downSince: begun },
    { state: 'connecting', attempt: 2, downSince: begun },
    { state: 'online', since: begun + 500, role: 'viewer' },
    { state: 'online', since: begun + 500, role: 'operator' },
    { state: 'waiting', retryAt: begun + 2_500, cause: { code: 1006, reason: 'cut' }, downSince: begun + 1_500 },
    { state: 'connecting', attempt: 3, downSince: begun + 1_500 },
    { state: 'stopped', cause: { code: 1000, reason: 'enough' }, downSince: begun + 1_500 },
  ])
})

/** A token with an expiry time. */
const tokenUntil = (expiresAt: number) => `x.${btoa(JSON.stringify({ exp: Math.floor(expiresAt / 1000) }))}.x`

t.test('before its token expires it goes on with another on the same socket, again and again', async t => {
  const asked: string[] = []
  const tokens: string[] = []
  const { clock, connection, sockets } = onPaper(
    {
      token: () => {
        tokens.push(tokenUntil(clock.now() + 100_000))
        return tokens.at(-1)!
      },
    },
    {
      refresh: async token => {
        asked.push(token)
        return true
      },
    },
  )
  connection.start()
  await turn()
  sockets[0]!.events.open()
  sockets[0]!.events.text('established')
  for (let i = 0; i < 40; i++) {
    clock.advance(9_000)
    sockets[0]!.events.alive()
    await turn()
  }
  t.equal(sockets.length, 1)
  t.ok(asked.length >= 3, `${asked.length} times`)
  t.same(asked, tokens.slice(1))
  t.equal(await connection.token(), tokens.at(-1), 'which is the one in use')
  connection.stop()
  t.equal(clock.timers, 0)
})

t.test('a token that the open socket cannot take is taken by a new one', async t => {
  let made = 0
  const { clock, connection, sockets } = onPaper(
    { token: () => `${tokenUntil(clock.now() + 100_000)}${++made}` },
    { refresh: async () => false },
  )
  connection.start()
  await turn()
  sockets[0]!.events.open()
  sockets[0]!.events.text('established')
  for (let i = 0; i < 9; i++) {
    clock.advance(9_000)
    sockets[0]!.events.alive()
    await turn()
  }
  t.same(sockets[0]!.ends, ['close 1000'])
  t.equal(sockets.length, 2)
  t.match(sockets[1]!.token, /2$/)
  connection.stop()
})

t.test('if the platform hides why an upgrade was refused, HTTP says that it was the token', async t => {
  for (const [token, httpStatus, state] of [
    ['T', 401, 'stopped'],
    ['T', 403, 'stopped'],
    ['T', 200, 'waiting'],
    ['T', 503, 'waiting'],
    ['T', undefined, 'waiting'],
    [() => 'T', 401, 'waiting'],
    [() => 'T', 403, 'stopped'],
  ] as const) {
    const asked: string[] = []
    const { connection, sockets } = onPaper({
      token,
      askStatus: async token => {
        asked.push(token)
        if (httpStatus === undefined) throw new TypeError('fetch failed')
        return httpStatus
      },
    })
    connection.start()
    await turn()
    sockets[0]!.events.closed({ code: 1006, reason: '' })
    await turn()
    t.same(asked, ['T'])
    const isToken = httpStatus === 401 || httpStatus === 403
    const cause = isToken ? { code: 1006, reason: 'the token was refused', httpStatus } : { code: 1006, reason: '' }
    t.match(connection.status.value, { state, cause }, `${typeof token}, ${httpStatus}`)
    connection.stop()
  }
  const { connection, sockets } = onPaper({ askStatus: () => t.fail('asked') as never })
  connection.start()
  await turn()
  sockets[0]!.events.closed({ code: 1006, reason: '', httpStatus: 503 })
  connection.reconnectNow()
  await turn()
  sockets[1]!.events.open()
  sockets[1]!.events.text('established')
  sockets[1]!.events.closed({ code: 1006, reason: '' })
  await turn()
  t.equal(connection.status.value.state, 'waiting', 'a known status, or a socket that was open, needs no question')
  connection.stop()
})

t.test('a fixed token that expires on an open socket stops, and says why', async t => {
  const { connection, sockets } = onPaper()
  connection.start()
  await turn()
  sockets[0]!.events.open()
  sockets[0]!.events.text('established')
  sockets[0]!.events.closed({ code: 4401, reason: 'the token expired' })
  t.match(connection.status.value, { state: 'stopped', cause: { code: 4401, reason: 'the token expired' } })
})

t.test('a token function that hangs or throws is asked again', async t => {
  const answers = [new Promise<string>(() => {}), Promise.reject(new Error('no network')), Promise.resolve('third')]
  const { clock, connection, sockets } = onPaper({ token: () => answers.shift()!, handshakeTimeoutMs: 3_000 })
  connection.start()
  clock.advance(3_000)
  t.match(connection.status.value, { state: 'waiting', cause: { reason: 'token: timed out' } })
  clock.advance(500)
  await turn()
  t.match(connection.status.value, { state: 'waiting', cause: { reason: 'token: no network' } })
  clock.advance(1_000)
  await turn()
  t.equal(sockets[0]?.token, 'third')
  connection.stop()
})

t.test('a token function is asked before each attempt; its last answer serves while it has none', async t => {
  const answers = [() => 'one', () => 'two', () => Promise.reject(new Error('no network')), () => 'four']
  const { clock, connection, sockets } = onPaper({ token: () => answers.shift()!() })
  const cutAt = async (i: number, code: number) => {
    await turn()
    sockets[i]!.events.open()
    sockets[i]!.events.text('established')
    sockets[i]!.events.closed({ code, reason: '' })
    clock.advance(2_000)
    await turn()
  }
  connection.start()
  for (const i of [0, 1]) await cutAt(i, 1006)
  await cutAt(2, 4401)
  t.same(
    sockets.map(({ token }) => token),
    ['one', 'two', 'two', 'four'],
  )
  connection.stop()
})

t.test('when the page is back, a wait ends and a link must show that it works', async t => {
  let wake = () => {}
  let listeners = 0
  const wakeUps = (callback: () => void) => {
    wake = callback
    listeners++
    return () => void listeners--
  }
  const { clock, connection, seen, sockets } = onPaper({ wakeUps })
  connection.start()
  await turn()
  sockets[0]!.events.closed({ code: 1006, reason: '' })
  t.equal(connection.status.value.state, 'waiting')
  wake()
  await turn()
  sockets[1]!.events.open()
  sockets[1]!.events.text('established')
  clock.advance(1_000)
  sockets[1]!.events.alive()
  wake()
  t.same(seen.slice(-1), ['probe'])
  clock.advance(5_000)
  t.match(connection.status.value, { state: 'waiting', cause: { reason: 'no sign of life' } })
  connection.stop()
  connection.stop()
  t.equal(listeners, 0)
  wake()
  t.equal(connection.status.value.state, 'stopped')
  connection.start()
  t.equal(listeners, 1)
  connection.stop()
  t.equal(listeners, 0)
  t.equal(clock.timers, 0)
})

t.test('stopping while the token is on its way opens nothing', async t => {
  const { clock, connection, sockets } = onPaper()
  connection.start()
  connection.stop()
  await turn()
  t.equal(sockets.length, 0)
  t.equal(clock.timers, 0)
  connection.start()
  await turn()
  t.equal(sockets.length, 1, 'it starts anew')
  connection.stop()
})

t.test('an address that no socket accepts is a failure to retry, not a crash', async t => {
  const { connection } = onPaper({
    socket: () => {
      throw new SyntaxError('bad protocol')
    },
  })
  connection.start()
  await turn()
  t.match(connection.status.value, { state: 'waiting', cause: { reason: 'bad protocol' } })
  connection.stop()
})

for (const [name, socket] of [
  ['ws', nodeSocket],
  ['the platform', browserSocket],
] as const) {
  t.test(
    `refused with 401, it asks for a new token (${name})`,
    { skip: name !== 'ws' && !globalThis.WebSocket },
    async t => {
      const server = await ScriptedServer.listen(t)
      server.refuse = token => (token === 'token1' ? 401 : undefined)
      let made = 0
      const connection: Connection = new Connection(
        {
          url: socketUrl(server.url, 'ws'),
          token: () => `token${++made}`,
          socket,
          clock: systemClock,
          random: () => 0,
        },
        { opened: () => connection.established(10_000, {}), text() {}, down() {}, probe() {} },
      )
      connection.start()
      const peer = await server.accept()
      t.equal(tokenOf(peer.request), 'token2')
      peer.socket.close(4401, 'expired')
      const next = await server.accept()
      t.equal(tokenOf(next.request), 'token3')
      connection.stop()
      await next.closed
    },
  )
}

t.test('a fixed token that is refused stops, and says why', async t => {
  const server = await ScriptedServer.listen(t)
  server.refuse = () => 401
  const connection = new Connection(
    { url: socketUrl(server.url, 'ws'), token: 'T', socket: nodeSocket, clock: systemClock },
    { opened() {}, text() {}, down() {}, probe() {} },
  )
  connection.start()
  t.match(await statusOf(connection, 'stopped'), { cause: { httpStatus: 401 } })
})

t.test('an address may be the server’s or the full one of the socket', async t => {
  t.equal(socketUrl('http://h:3000', 'agent'), 'ws://h:3000/agent')
  t.equal(socketUrl('https://h/fleet/', 'ws'), 'wss://h/fleet/ws')
  t.equal(socketUrl('ws://h:3000', 'ws'), 'ws://h:3000/ws')
  t.equal(socketUrl('wss://h/ws/tasks/t1', 'ws'), 'wss://h/ws/tasks/t1')
})

t.test('a line break at the ends of a token does not reach the header', async t => {
  for (const token of ['T\n', '\r\n T \r\n', async () => 'T\n', () => '\ufeffT']) {
    const { connection, sockets } = onPaper({ token })
    connection.start()
    await new Promise(resolve => setImmediate(resolve))
    t.same(
      sockets.map(socket => socket.token),
      ['T'],
    )
    connection.stop()
  }
})

t.test('without a WebSocket, creating a client fails with the reason', async t => {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  Reflect.deleteProperty(globalThis, 'WebSocket')
  t.teardown(() => own && Object.defineProperty(globalThis, 'WebSocket', own))
  const told = { code: 'invalid_option', message: /@fleetwire\/client\/node/ }
  const options = { url: 'http://x', token: 'T' }
  t.throws(() => new DashboardClient(options), told)
  t.throws(() => new AgentClient({ ...options, handlers: {} }), told)
  t.doesNotThrow(() => new DashboardClient({ ...options, socket: nodeSocket }))
  t.doesNotThrow(() => new AgentClient({ ...options, handlers: {}, socket: nodeSocket }))
})
