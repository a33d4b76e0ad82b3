import type { AgentFrame } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import type { AgentConnection, AgentInput } from '../../../../src/agents/agent-connection.ts'
import { frame, RelayStage, type StagedNode, StagedSocket } from '../../../helpers/relay-stage.ts'
import { size } from '../../../helpers/sizes.ts'

const SEEDS = size('RELAY_SEEDS', { quick: 12, full: 200 })

/** A session that records what it gets. */
class Session implements AgentInput {
  readonly agentId: string
  readonly connection: AgentConnection
  readonly given: (AgentFrame | number)[] = []
  closes = 0

  constructor(agentId: string, connection: AgentConnection) {
    this.agentId = agentId
    this.connection = connection
  }

  onFrame(frame: AgentFrame): void {
    this.given.push(frame)
  }

  onRefused(n: number): void {
    this.given.push(n)
  }

  onClose(): void {
    this.closes++
  }
}

interface Node extends StagedNode {
  sessions: Session[]
}

/** `a` is active, and `b` and `c` know it. */
function stage(t: Test, seed = 1, ...faults: { delayMs?: number; lost?: number }[]) {
  const stage = new RelayStage(seed, ...faults)
  const node = (name: string): Node => {
    const sessions: Session[] = []
    const staged = stage.node(name, (agentId, connection) => {
      const session = new Session(agentId, connection)
      sessions.push(session)
      return session
    })
    t.teardown(() => staged.relay.stop())
    return Object.assign(staged, { sessions })
  }
  const nodes = ['a', 'b', 'c'].map(node) as [Node, Node, Node]
  const learn = (active: string | undefined) => {
    for (const each of nodes) each.learn(active)
  }
  learn('a')
  return { stage, nodes, learn }
}

t.test('[NO20] an agent on another node communicates with its session as over a socket', async t => {
  const staged = stage(t)
  const { until } = staged.stage
  const [a, b] = staged.nodes
  const socket = new StagedSocket('con_1')
  const input = b.relay.open('a1', socket)
  input.onFrame(frame('agent:connect', { bootId: 'x' }, undefined))
  for (let n = 1; n <= 200; n++) n % 10 === 0 ? input.onRefused(n) : input.onFrame(frame('agent:error', { n }, n))
  await until(() => a.sessions[0]?.given.length === 201)
  const [session] = a.sessions
  t.match(session, { agentId: 'a1', connection: { id: 'con_1', tokenExpiresAt: socket.tokenExpiresAt } })
  t.same(session!.given[0], frame('agent:connect', { bootId: 'x' }))
  t.same(
    session!.given.slice(1).map(each => (typeof each === 'number' ? each : each.n)),
    Array.from({ length: 200 }, (_, n) => n + 1),
  )
  const { connection } = session!
  connection.join()
  connection.send('report:ack', { n: 200 })
  connection.error('conflict', 'no', { id: 'f1', details: { a: 1 } })
  connection.close(4409, 'replaced', { reconnectAfterMs: 7 })
  connection.send('report:ack', { n: 201 })
  input.onFrame(frame('agent:error', {}, 201))
  await until(() => socket.closed !== undefined)
  t.same(socket.said, [
    ['join'],
    ['send', 'report:ack', { n: 200 }],
    ['error', 'conflict', 'no', { id: 'f1', details: { a: 1 } }],
  ])
  t.same(socket.closed, { code: 4409, reason: 'replaced', reconnectAfterMs: 7 })
  t.equal(session!.closes, 0)
  input.onClose()
  await until(() => session!.closes === 1)
  t.equal(session!.given.length, 201, 'frames after the close are ignored')

  const here = new StagedSocket('con_2')
  a.relay.open('a2', here).onFrame(frame('agent:connect'))
  t.equal(a.sessions[1]!.connection, here, 'the active node serves its own agents without a link')
})

t.test(
  '[NO21] [NO23] agents reconnect when their active node dies, and sessions end with the node of their agents',
  async t => {
    const staged = stage(t)
    const { until } = staged.stage
    const [a, b, c] = staged.nodes
    const sockets = Array.from({ length: 11 }, (_, n) => new StagedSocket(`con_${n}`))
    const inputs = sockets.map((socket, n) => b.relay.open(`a${n}`, socket))
    const other = new StagedSocket('other')
    c.relay.open('other', other)
    await until(() => a.sessions.length === 12)
    c.kill()
    await until(() => a.sessions.some(({ closes }) => closes > 0))
    t.same(
      a.sessions.filter(({ closes }) => closes > 0).map(({ agentId }) => agentId),
      ['other'],
    )
    a.kill()
    await until(() => sockets.every(({ closed }) => closed !== undefined))
    t.same(
      sockets.map(({ closed }) => closed?.reconnectAfterMs),
      Array.from({ length: 11 }, (_, n) => Math.round((1000 * n) / 11)),
      'spread over a second',
    )
    t.ok(sockets.every(({ closed }) => closed!.code === 1012))
    for (const input of inputs) input.onClose()
    // Nobody is active until b is.
    const back = new StagedSocket('con_back')
    const input = b.relay.open('a1', back)
    input.onFrame(frame('agent:connect'))
    input.onRefused(1)
    b.learn(undefined)
    t.equal(b.sessions.length, 0)
    b.learn('b')
    t.same(b.sessions[0]?.given, [frame('agent:connect'), 1])
    input.onFrame(frame('agent:error', {}, 2))
    t.equal(b.sessions[0]!.given.length, 3)
    input.onClose()
    t.equal(b.sessions[0]!.closes, 1)
  },
)

t.test('[NO23] an agent whose node ends counts as connected for a while, so that it can reconnect', async t => {
  const staged = stage(t)
  const { until, pass } = staged.stage
  const [a, b] = staged.nodes
  const [moves, stays] = ['moves', 'stays'].map(id => b.relay.open(id, new StagedSocket(id)))
  await until(() => a.sessions.length === 2)
  moves!.onClose(1012)
  stays!.onClose(1006)
  await until(() => a.sessions[1]!.closes === 1)
  await pass(11_000)
  t.equal(a.sessions[0]!.closes, 0)
  await pass(2000)
  t.equal(a.sessions[0]!.closes, 1)
  // A session that closed the connection itself does not wait for a reconnect.
  const socket = new StagedSocket('ended')
  const ended = b.relay.open('ended', socket)
  await until(() => a.sessions.length === 3)
  a.sessions[2]!.connection.close(1012, 'the log is full')
  await until(() => socket.closed !== undefined)
  ended.onClose(1012)
  await until(() => a.sessions[2]!.closes === 1)
})

t.test(
  '[NO21] a replaced active node sends the agents of other nodes away, and leaves its own to their sessions',
  async t => {
    const staged = stage(t)
    const { until, pass } = staged.stage
    const [a, b, c] = staged.nodes
    const [far, near] = [new StagedSocket('far'), new StagedSocket('near')]
    b.relay.open('far', far)
    a.relay.open('near', near)
    await until(() => a.sessions.length === 2)
    staged.learn('c')
    await until(() => far.closed !== undefined)
    t.same(far.closed, { code: 1012, reason: 'another node takes over', reconnectAfterMs: 0 })
    t.equal(near.closed, undefined, 'its session closes it when it is stopped')
    t.same(
      a.sessions.map(({ closes }) => closes),
      [0, 0],
      'stopped sessions are not notified',
    )
    const again = new StagedSocket('again')
    a.relay.open('far', again).onFrame(frame('agent:connect'))
    await until(() => c.sessions.length === 1)
    t.equal(again.closed, undefined)
    // A node that does not know yet that it is active accepts no links, so the other node keeps trying.
    staged.learn(undefined)
    b.learn('a')
    const early = new StagedSocket('early')
    b.relay.open('early', early).onFrame(frame('agent:connect'))
    await pass(1000)
    t.equal(early.closed, undefined)
    a.learn('a')
    await until(() => a.sessions.some(({ agentId }) => agentId === 'early'))
  },
)

t.test('[NO22] while no node is active agents wait, and are told to reconnect after 10 s', async t => {
  const staged = stage(t)
  const { pass } = staged.stage
  staged.learn(undefined)
  const [, b] = staged.nodes
  const [silent, greeting, flooding, gone] = ['silent', 'greeting', 'flooding', 'gone'].map(id => new StagedSocket(id))
  b.relay.open('silent', silent!)
  b.relay.open('greeting', greeting!).onFrame(frame('agent:connect'))
  b.relay.open('gone', gone!).onClose()
  const flood = b.relay.open('flooding', flooding!)
  for (let n = 0; n <= 256; n++) flood.onFrame(frame('agent:error', {}, n))
  t.match(flooding!.closed, { code: 1012, reason: /frames wait at the agent/ })
  await pass(9900)
  t.same([silent!.closed, greeting!.closed], [undefined, undefined])
  await pass(200)
  t.match(silent!.closed, { code: 4408 })
  t.match(greeting!.closed, { code: 1012, reason: /frames wait at the agent/, reconnectAfterMs: Number })
  staged.learn('b')
  t.equal(gone!.closed, undefined)
  t.same(b.sessions, [], 'nothing is left waiting')
})

t.test(
  '[NO24] output keeps its place among the frames that change its terminals, whichever link is faster',
  async t => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const slow = [{ delayMs: 60 }, { delayMs: 5 }]
      const faults = seed % 2 === 0 ? slow : slow.toReversed()
      const staged = stage(t, seed, ...faults)
      const { random, until, pass } = staged.stage
      const [a, b] = staged.nodes
      const input = b.relay.open('a1', new StagedSocket('con_1'))
      await until(() => a.sessions.length === 1)
      const sent: AgentFrame[] = []
      const say = (type: string, n?: number) => {
        const said = frame(type, { place: sent.length }, n)
        sent.push(said)
        input.onFrame(said)
      }
      say('agent:connect')
      for (let n = 1; n <= 150; ) {
        const roll = random.below(100)
        if (roll < 50) say('terminal:output')
        else if (roll < 60) say(random.pick(['terminal:resize', 'terminal:exit']), n++)
        else if (roll < 75) say('agent:error', n++)
        else await pass(5)
      }
      const numbered = (frames: readonly unknown[]) => (frames as AgentFrame[]).filter(({ n }) => n !== undefined)
      await until(() => numbered(a.sessions[0]?.given ?? []).length === 150)
      await pass(100)
      const given = a.sessions[0]!.given as AgentFrame[]
      t.strictSame(numbered(given), numbered(sent), `${seed}: no numbered frame is lost, duplicated or out of order`)
      const places = (frames: AgentFrame[]) =>
        frames
          .filter(({ type }) => type.startsWith('terminal:') || type === 'agent:connect')
          .map(({ payload }) => (payload as unknown as { place: number }).place)
      const got = places(given)
      const ordered = got.toSorted((one, other) => one - other)
      t.strictSame(got, ordered, `${seed}: no output is before or after the frames that it belongs between`)
      t.strictSame(got, places(sent), `${seed}: all of it`)
    }
  },
)

t.test('[NO24] when output was lost between nodes, agents that had sent some reconnect', async t => {
  const staged = stage(t)
  const { until, pass } = staged.stage
  const [a, b] = staged.nodes
  const [shows, quiet] = ['shows', 'quiet'].map(id => new StagedSocket(id))
  const screen = b.relay.open('shows', shows!)
  const other = b.relay.open('quiet', quiet!)
  await until(() => a.sessions.length === 2)
  screen.onFrame(frame('terminal:output', { n: 1 }))
  await until(() => a.sessions.some(({ given }) => given.length === 1))
  b.wires[1].isCut = true
  await until(() => shows!.closed !== undefined)
  t.match(shows!.closed, { code: 1012, reconnectAfterMs: 0 })
  t.equal(quiet!.closed, undefined)
  for (let n = 1; n <= 3; n++) other.onFrame(frame('terminal:output', { n }))
  t.ok(quiet!.isPaused, 'until there is a link for output again')
  b.wires[1].isCut = false
  other.onFrame(frame('terminal:exit', {}, 1))
  const { given } = a.sessions.find(({ agentId }) => agentId === 'quiet')!
  await until(() => given.length === 4)
  t.equal((given as AgentFrame[]).at(-1)!.type, 'terminal:exit')
  await pass(100)
  t.notOk(quiet!.isPaused)
})

t.test('[NO24] reading pauses for an agent that sends more than the active node accepts', async t => {
  const { nodes, stage: scene } = stage(t)
  const [a, b] = nodes
  const sockets = ['quiet', 'loud', 'shows'].map(id => new StagedSocket(id))
  const inputs = sockets.map(socket => b.relay.open(socket.id, socket))
  await scene.until(() => a.sessions.length === 3)
  const data = 'x'.repeat(1_000_000)
  for (const [i, type] of [
    [1, 'agent:error'],
    [2, 'terminal:output'],
  ] as const) {
    for (let n = 1; !sockets[i]!.isPaused; n++) inputs[i]!.onFrame(frame(type, { data }, i === 1 ? n : undefined))
    await scene.until(() => !sockets[i]!.isPaused)
  }
  inputs[0]!.onFrame(frame('heartbeat'))
  const given = (agentId: string) => a.sessions.find(session => session.agentId === agentId)!.given.length
  await scene.until(() => given('shows') >= 5 && given('loud') >= 5 && given('quiet') === 1)
  for (const { closed } of sockets) t.equal(closed, undefined)
})
