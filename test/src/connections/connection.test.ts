import {
  agentServerFrameFlaw,
  type ClientFrame,
  decodeAgentFrame,
  decodeClientFrame,
  type ServerPayloads,
  serverFrameFlaw,
} from '@fleetwire/protocol'
import t from 'tap'
import type { Principal } from '../../../src/auth/principal.ts'
import { Connection } from '../../../src/connections/connection.ts'
import type { ConnectionOptions } from '../../../src/connections/connection-options.ts'
import { FlushScheduler } from '../../../src/connections/flush-scheduler.ts'
import { FrameLimits } from '../../../src/connections/frame-limits.ts'
import { Refusals } from '../../../src/connections/refusals.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { FakeSocket } from '../../helpers/fake-socket.ts'

const principal = (clock: FakeClock): Principal => ({
  sub: 'ann',
  role: 'operator',
  agents: ['*'],
  expiresAt: clock.now() + 3_600_000,
})

const rates = {
  frameRate: 100,
  frameBurst: 200,
  agentFrameRate: 2000,
  frameRatePerPrincipal: 1000,
  frameRatePerAddress: 1000,
}

function setUp(options: Partial<ConnectionOptions<ClientFrame>> = {}, limits = {}) {
  const clock = new FakeClock()
  const socket = new FakeSocket()
  const turns: (() => void)[] = []
  const flusher = new FlushScheduler({ clock, flushMs: 0, endOfTurn: callback => turns.push(callback) })
  const faults: object[] = []
  const quiet = () => {}
  const closed: number[] = []
  const connection: Connection<ClientFrame, ServerPayloads> = new Connection(
    socket,
    { principal: principal(clock), address: '192.0.2.1' },
    {
      clock,
      logger: { debug: quiet, info: quiet, warn: quiet, error: fields => faults.push(fields) },
      flusher,
      frames: new FrameLimits(clock, new Refusals(), { ...rates, ...limits }),
      limits: { outboxLimitBytes: 4096, ...limits },
      closed: (_id, code) => closed.push(code),
    },
    {
      kind: 'dashboard',
      decode: decodeClientFrame,
      flawOf: serverFrameFlaw,
      liveness: { intervalMs: 30_000, silentLimit: 2 },
      onFrame: frame => connection.send('reply', { ok: true }, frame.id),
      ...options,
    },
  )
  const turn = () => {
    for (const callback of turns.splice(0)) callback()
  }
  return { clock, socket, connection, turn, faults, closed }
}

t.test('frames sent in one turn are written together', async t => {
  const { socket, connection, turn } = setUp()
  for (let i = 0; i < 10; i++) connection.send('pong', { timestamp: i })
  t.equal(socket.writes.length, 0)
  turn()
  t.equal(socket.writes.length, 1)
  t.same(
    socket.frames.map(frame => frame.payload.timestamp),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
})

t.test(
  '[FR9] [ER3] a frame gets its reply; a refused one gets an error with its id, and the socket stays open',
  async t => {
    const { socket, turn } = setUp()
    socket.says('ping', {}, 'a')
    socket.says('nonsense', {}, 'b')
    socket.says('command:interrupt', {}, 'c')
    socket.peer.onText('{')
    socket.peer.onBinary()
    turn()
    t.match(socket.frames, [
      { type: 'reply', id: 'a' },
      { type: 'error', id: 'b', payload: { code: 'unknown_type' } },
      { type: 'error', id: 'c', payload: { code: 'invalid_frame' } },
      { type: 'error', payload: { code: 'bad_json' } },
      { type: 'error', payload: { code: 'invalid_frame' } },
    ])
    t.ok(socket.isOpen)
  },
)

t.test('[FR19] a message may hold several frames, one per line; each counts and gets its own reply', async t => {
  const { socket, turn } = setUp()
  const ping = (id: string) => JSON.stringify({ type: 'ping', id, payload: {} })
  const said = () => {
    turn()
    return socket.frames.map(({ type, id, payload }) => id ?? (payload as { code?: string }).code ?? type)
  }
  socket.peer.onText([ping('p1'), '{', '', ping('p2'), ''].join('\n'))
  t.same(said().sort(), ['bad_json', 'p1', 'p2'])
  socket.writes.length = 0
  socket.peer.onText(`${ping('p3')}\r\n\r\n${ping('p4')}\r\n`)
  t.same(said(), ['p3', 'p4'], 'Windows line endings')
  socket.writes.length = 0
  socket.peer.onText('\n\n')
  t.same(said(), ['bad_json'])
})

t.test('[FR19] [LM2] limits count frames, not messages', async t => {
  const { socket, turn } = setUp()
  socket.peer.onText(Array(500).fill('{"type":"ping"}').join('\n'))
  turn()
  t.equal(socket.frames.filter(({ type }) => type === 'reply').length, 200, 'as many as a burst allows')
  t.equal(socket.closedWith?.code, 4429)
})

t.test('[CL5] 20 bad frames in 10 s close with 4000; spread over a longer time they do not', async t => {
  const bad = setUp()
  for (let i = 0; i < 25; i++) bad.socket.peer.onText('{')
  t.same(bad.socket.closedWith?.code, 4000)
  t.equal(bad.socket.types.filter(type => type === 'error').length, 20)
  t.match(bad.socket.frames.at(-1), { type: 'connection:closing', payload: { code: 4000 } })

  const slow = setUp()
  for (let i = 0; i < 60; i++) {
    slow.socket.peer.onText('{')
    slow.clock.advance(600)
  }
  t.ok(slow.socket.isOpen)
})

t.test('[LM2] [CL5] above the rate: error rate_limited with retryAfterMs, then 4429; at the rate: nothing', async t => {
  const flood = setUp()
  for (let i = 0; i < 201; i++) flood.socket.says('ping')
  flood.turn()
  t.match(flood.socket.last('error')?.payload, { code: 'rate_limited', retryable: true, details: { retryAfterMs: 10 } })
  for (let i = 0; i < 20; i++) flood.socket.says('ping')
  t.equal(flood.socket.closedWith?.code, 4429)

  const steady = setUp()
  for (let i = 0; i < 500; i++) {
    steady.socket.says('ping')
    steady.clock.advance(10)
  }
  steady.turn()
  t.notOk(steady.socket.last('error'))
})

t.test('[LM2] WebSocket pings get pongs within the rate and while the peer reads', async t => {
  const { socket } = setUp({}, { frameBurst: 3 })
  socket.peer.onPing(Buffer.from('a'))
  socket.choke()
  socket.peer.onPing(Buffer.from('b'))
  socket.drain()
  socket.peer.onPing(Buffer.from('c'))
  socket.peer.onPing(Buffer.from('d'))
  t.same(socket.pongs.map(String), ['a', 'c'])
})

t.test(
  '[NO24] a peer whose reading is paused counts as alive, and reading resumes when it is to be closed',
  async t => {
    const { clock, socket, connection } = setUp()
    connection.pause()
    connection.pause()
    t.notOk(socket.reads)
    clock.advance(300_000)
    t.equal(socket.closedWith, undefined)
    connection.resume()
    t.ok(socket.reads)
    clock.advance(90_000)
    t.equal(socket.closedWith?.code, 4408, 'once reading resumes, silence counts')
    const other = setUp()
    other.connection.pause()
    other.connection.close(1012, 'bye')
    t.ok(other.socket.reads, 'its close frame can arrive')
    other.connection.pause()
    t.ok(other.socket.reads)
  },
)

t.test(
  '[LV1] [CL7] a peer is pinged every interval; two silent ones close with 4408, and the socket is cut after 5 s',
  async t => {
    const beats: number[] = []
    const { clock, socket } = setUp({ onBeat: silent => beats.push(silent) })
    clock.advance(29_999)
    socket.peer.onPong()
    clock.advance(1)
    clock.advance(30_000)
    t.same(beats, [0, 1])
    t.equal(socket.pings, 2)
    clock.advance(30_000)
    t.equal(socket.closedWith?.code, 4408)
    t.notOk(socket.terminated)
    clock.advance(5000)
    t.ok(socket.terminated)
    t.equal(clock.pending, 0)
  },
)

t.test('[LV8] a slow reader counts as alive while it reads what is buffered, even if its pongs are late', async t => {
  const { clock, socket } = setUp()
  socket.choke()
  for (let i = 0; i < 5; i++) {
    clock.advance(59_999)
    socket.drain()
    socket.choke()
  }
  t.ok(socket.isOpen, 'it read something in every two intervals')
  clock.advance(90_000)
  t.equal(socket.closedWith?.code, 4408, 'a peer that reads nothing is as dead as a silent one')
})

t.test('[LV4] [LV5] a stall of this process does not count against the peer', async t => {
  const { clock, socket } = setUp()
  clock.advance(30_000)
  clock.stall(50_000)
  t.ok(socket.isOpen, 'a late tick does not count')
  clock.jump(3_000_000)
  t.ok(socket.isOpen, 'nor does a jump of the wall clock')
  clock.advance(30_000)
  t.equal(socket.closedWith?.code, 4408, 'silence while awake does')
})

t.test(
  '[AU10] [AU11] an expired token closes with connection:closing and 4401; a refreshed connection stays open',
  async t => {
    const { clock, socket, connection } = setUp({
      liveness: { intervalMs: 30_000, silentLimit: Number.POSITIVE_INFINITY },
    })
    clock.advance(3_599_999)
    t.ok(socket.isOpen)
    connection.refresh({ ...principal(clock), expiresAt: clock.now() + 50 * 86_400_000 })
    clock.advance(40 * 86_400_000)
    t.ok(socket.isOpen, 'a deadline beyond 2^31 ms does not fire early')
    clock.jump(10 * 86_400_000)
    clock.advance(60_000)
    t.equal(socket.closedWith?.code, 4401, 'a jump of the wall clock is noticed within a minute')
    t.match(socket.frames.at(-1), { type: 'connection:closing', payload: { code: 4401, reason: 'token expired' } })
  },
)

t.test('[FR15] sending a payload that its schema refuses is logged, reported to the peer, and survived', async t => {
  const { socket, connection, turn, faults } = setUp()
  connection.send('pong', { timestamp: 'now' as unknown as number }, 'x')
  connection.send('error', { code: 'conflict', message: '', retryable: false, details: 1n })
  turn()
  t.match(socket.frames, [
    { type: 'error', id: 'x', payload: { code: 'internal' } },
    { type: 'error', payload: { code: 'internal' } },
  ])
  t.equal(faults.length, 2)
  t.ok(socket.isOpen)
})

t.test('[ER6] a handler that throws or rejects ends neither the process nor the socket', async t => {
  let mode = 'throw'
  const { socket, turn, faults } = setUp({
    onFrame: () => {
      if (mode === 'throw') throw new Error('thrown')
      return Promise.reject(new Error('rejected'))
    },
  })
  socket.says('ping', {}, 'a')
  mode = 'reject'
  socket.says('ping', {}, 'b')
  await Promise.resolve()
  turn()
  t.match(socket.frames, [
    { type: 'error', id: 'a', payload: { code: 'internal' } },
    { type: 'error', id: 'b', payload: { code: 'internal' } },
  ])
  t.equal(faults.length, 2)
})

t.test('[OB3] the outbox of a peer that does not read is limited; beyond the limit it is closed with 4508', async t => {
  const { socket, connection, turn, clock } = setUp()
  socket.choke()
  for (let i = 0; i < 500 && connection.isOpen; i++) {
    connection.send('pong', { timestamp: i })
    turn()
    t.ok(connection.bufferedBytes <= 4096 + 64)
  }
  t.equal(socket.closedWith?.code, 4508)
  t.ok(connection.bufferedBytes < 200, 'buffered frames are released')
  clock.advance(5000)
  t.ok(socket.terminated)
})

t.test('after close nothing is sent, nothing is handled, and no timer is left', async t => {
  const handled: string[] = []
  const { socket, connection, turn, clock, closed } = setUp({
    onFrame: frame => {
      handled.push(frame.type)
    },
    onClose: code => handled.push(`closed ${code}`),
  })
  connection.close(1012, 'restarting', { reconnectAfterMs: 70 })
  connection.close(4000, 'again')
  connection.send('pong', { timestamp: 1 })
  socket.says('ping')
  turn()
  t.match(socket.frames, [{ type: 'connection:closing', payload: { code: 1012, reconnectAfterMs: 70 } }])
  socket.peer.onClosed(1005)
  socket.peer.onClosed(1006)
  t.same(handled, ['closed 1012'])
  t.same(closed, [1012])
  t.equal(clock.pending, 0)
})

t.test(
  '[UP13] of the acks in one flush only the last is sent, after earlier frames; a close does not lose it',
  async t => {
    const agent = { kind: 'agent', flawOf: agentServerFrameFlaw, decode: decodeAgentFrame } as const
    const { socket, connection, turn } = setUp(agent as never)
    const send = connection.send.bind(connection) as (type: string, payload: object) => void
    for (const n of [1, 2, 3]) send('report:ack', { n })
    send('terminal:ack', { terminalId: 't1', offset: 1 })
    turn()
    t.match(socket.frames, [{ type: 'terminal:ack' }, { type: 'report:ack', payload: { n: 3 } }])
    turn()
    t.equal(socket.frames.length, 2)
    send('report:ack', { n: 4 })
    connection.close(1012, 'restart')
    t.match(socket.frames.slice(2), [{ type: 'report:ack', payload: { n: 4 } }, { type: 'connection:closing' }])
  },
)
