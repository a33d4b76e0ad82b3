import t, { type Test } from 'tap'
import { FakeClock } from '../helpers/fake-clock.ts'
import { seededRandom } from '../helpers/random.ts'
import { startScreens } from '../helpers/screens.ts'
import { SimulatedAgent, SimulatedViewer, TerminalCluster } from '../helpers/simulated-terminals.ts'
import { size as sizeOf } from '../helpers/sizes.ts'

t.setTimeout(1_200_000)
/** All tests share one thread: starting it takes longer than most tests. */
const { screens } = startScreens(t)

const SEEDS = sizeOf('SEEDS', { quick: 8, full: 1000 })

function start(t: Test) {
  const clock = new FakeClock()
  const cluster = new TerminalCluster({ clock, screens, onFault: fault => t.fail('a fault', { fault }) })
  t.teardown(() => cluster.stop())
  const [a, b, c] = [cluster.add('a'), cluster.add('b'), cluster.add('c')]
  cluster.elect('a')
  const agent = new SimulatedAgent('a1')
  agent.connect(a)
  /** Lets packets arrive until the condition holds. */
  const until = async (isSo: () => boolean) => {
    // Screens are rendered in real time.
    while (!isSo()) {
      await new Promise(setImmediate)
      clock.advance(1)
    }
  }
  return { cluster, clock, a, b, c, agent, until }
}

type Seen = SimulatedViewer

/** The answer of another node, which needs packets to arrive. */
async function settled<T>(until: (isSo: () => boolean) => Promise<void>, answer: T | Promise<T>): Promise<T> {
  let isThere = false
  const done = Promise.resolve(answer).finally(() => {
    isThere = true
  })
  await until(() => isThere)
  return done
}

t.test('[TM24] viewers on three nodes see the same screen, whenever they join', async t => {
  const { a, b, c, agent, until } = start(t)
  agent.begin('main')
  await agent.print('main', 'before 🙂\r\n')
  const viewers = [a, b, c].map(node => new SimulatedViewer(`v-${node.name}`, node, { agentId: 'a1' }))
  await until(() => viewers.every(({ port }) => port.of('terminal:snapshot').length === 1))
  await agent.print('main', '\x1b[31mred\x1b[m')
  agent.resize('main', { cols: 40, rows: 10 })
  await agent.print('main', 'after the size')
  await until(() => viewers.every(({ shown }) => shown?.end === agent.output('main').length))
  for (const viewer of viewers) t.same(await viewer.look(), agent.look('main'), viewer.id)
})

t.test(
  '[TM24] input from any node arrives once and in order, and only one viewer of all nodes sets the size',
  async t => {
    const { cluster, a, b, c, agent, until } = start(t)
    agent.begin('main')
    const [one, two] = [b, c].map((node, i) => new SimulatedViewer(`v${i}`, node, { agentId: 'a1' })) as [Seen, Seen]
    await until(() => [one, two].every(({ shown }) => shown?.terminalId === 'main'))
    const about = { agentId: 'a1', terminalId: 'main' }
    const type = ({ node, port }: Seen, data: string, inputSeq: number) =>
      settled(until, node.hub.input(port, { ...about, data, inputSeq }))
    const size = ({ node, port }: Seen, cols: number) =>
      settled(until, node.hub.resize(port, { ...about, cols, rows: 30 }))
    const results = await Promise.all([type(one, 'a', 1), type(one, 'a', 1), type(one, 'b', 2), type(two, 'c', 1)])
    t.same(results, Array(4).fill({ status: 'ok' }))
    t.equal(agent.typed.filter(data => data !== 'c').join(''), 'ab')
    t.match(await type(one, 'x', 1), { status: 'ok' }, 'input with the same number is typed only once')
    t.same(agent.typed.toSorted(), ['a', 'b', 'c'])
    t.match(await type(new SimulatedViewer('v3', b, { agentId: 'a2' }), 'n', 1), { status: 'ok' }, 'without opening it')
    t.match(await settled(until, b.hub.input(one.port, { agentId: 'a9', data: 'x', inputSeq: 9 })), {
      error: { code: 'not_found' },
    })

    t.match(await size(one, 100), { status: 'ok' })
    t.match(await size(two, 110), { status: 'refused', error: { code: 'conflict' } })
    t.match(await size(new SimulatedViewer('local', a, { agentId: 'a1' }), 110), { error: { code: 'conflict' } })
    await until(() => two.port.of('terminal:resize').some(({ cols }) => cols === 100))
    cluster.elect('c')
    agent.connect(c)
    await agent.print('main', 'after the takeover')
    await until(() => one.shown?.end === agent.length('main') && two.shown?.end === agent.length('main'))
    t.match(await size(two, 120), { error: { code: 'conflict' } }, 'the next active node keeps the size owner')
    t.match(await type(one, 'b', 2), { status: 'ok' }, 'and the next active node does not type a number again')
    t.match(await type(one, 'd', 3), { status: 'ok' })
    t.equal(agent.typed.at(-1), 'd')
    t.equal(agent.typed.length, 5)
    t.same(
      agent.inputSeqs,
      agent.inputSeqs.toSorted((x, y) => x - y),
      'the numbers sent to the agent increase',
    )
    b.hub.close(one.port, { agentId: 'a1' })
    // Input is processed in order, after the close.
    await type(one, 'e', 4)
    t.match(await size(two, 120), { status: 'ok' }, 'closing the terminal releases the size')
  },
)

t.test('[TM20] [TM24] a reader on another node paces a program, and learns how much the program has read', async t => {
  const { a, b, agent, until } = start(t)
  agent.begin('pipe')
  const about = { agentId: 'a1', terminalId: 'pipe', mode: 'whole' } as const
  const reader = new SimulatedViewer('reader', b, about)
  const bytes = Buffer.alloc(1_500_000, 'all of it, and in order. ')
  await agent.print('pipe', bytes)
  agent.exit('pipe', 3)
  await until(() => {
    reader.ack()
    return reader.port.of('terminal:exit').length > 0
  })
  t.ok(reader.whole('pipe').bytes.equals(bytes), 'the reader gets every byte')
  reader.ack()
  await until(() => agent.read.at(-1) === bytes.length)
  a.hub.taken('a1', { terminalId: 'pipe', offset: 17 })
  await until(() => reader.port.of('terminal:ack')[0]?.offset === 17)
  const late = new SimulatedViewer('late', b, { ...about, from: 1_400_000 })
  await until(() => late.port.of('terminal:exit').length > 0)
  t.equal(late.port.of('terminal:output')[0]?.offset, 1_400_000)
})

t.test(
  '[TM24] a reader of the whole output of an ended terminal is notified of the end after the last byte',
  async t => {
    const { b, agent, until } = start(t)
    agent.begin('pipe')
    await agent.print('pipe', 'all of it')
    agent.exit('pipe', 3)
    for (const id of ['first', 'second']) {
      const reader = new SimulatedViewer(id, b, { agentId: 'a1', terminalId: 'pipe', mode: 'whole' })
      await until(() => reader.port.of('terminal:exit').length > 0)
      t.same(
        reader.port.frames.map(({ type }) => type),
        ['terminal:output', 'terminal:exit'],
      )
    }
  },
)

t.test('[TM4] [TM24] each node gets one copy of the output, and a flood does not hold up another terminal', async t => {
  const { a, b, agent, until } = start(t)
  for (const id of ['flood', 'quiet']) agent.begin(id)
  const open = (id: string, terminalId: string) => new SimulatedViewer(id, b, { agentId: 'a1', terminalId })
  const [fast, ...slow] = ['one', 'two', 'three'].map(id => open(id, 'flood')) as [Seen, Seen, Seen]
  const quiet = open('quiet', 'quiet')
  await until(() => [fast, ...slow, quiet].every(({ port }) => port.frames.length > 0))
  let received = 0
  const { listener } = b.wire
  b.wire.listen({
    onNobody: tag => listener.onNobody(tag),
    onPacket: (tag, packet, from) => {
      received += packet.length
      listener.onPacket(tag, packet, from)
    },
  })
  const flood = Buffer.alloc(5 * 1024 * 1024, `${'x'.repeat(70)}\r\n`)
  await agent.print('flood', flood)
  await agent.print('quiet', 'a word')
  await until(() => quiet.shown?.end === 6)
  t.ok(received < 1200 * 1024, `other output waits for two windows, not for the whole flood: ${received} bytes`)
  await until(() => {
    fast.ack()
    return fast.shown?.end === flood.length
  })
  t.ok(received < 3 * 1024 * 1024, `output dropped from the ring of the active node is skipped: ${received} bytes`)
  t.ok(
    slow.every(({ port }) => port.outputBytes <= 512 * 1024),
    'a slow viewer is sent no more than its credit',
  )
  t.same((await fast.look()).screen.slice(-500), agent.look('flood').screen.slice(-500))
  t.ok(a.hub.allocatedBytes < 2.1 * 1024 * 1024, 'the node holds only the rings')
})

t.test('[TM25] viewers survive a takeover, whether or not the next active node knew the terminal', async t => {
  for (const next of ['b', 'c']) {
    const { cluster, b, agent, until } = start(t)
    agent.begin('main')
    await agent.print('main', 'one ')
    const viewer = new SimulatedViewer('v', b, { agentId: 'a1' })
    await until(() => viewer.shown?.end === 4)
    const type = (inputSeq: number) =>
      settled(until, b.hub.input(viewer.port, { agentId: 'a1', data: `${inputSeq}`, inputSeq }))
    agent.disconnect()
    cluster.kill('a')
    t.match(await type(1), { status: 'refused', error: { code: 'unavailable' } })
    await agent.print('main', 'two ')
    cluster.elect(next)
    t.match(await type(2), { error: { code: 'unavailable' } }, 'the agent has not connected yet')
    agent.connect(cluster.active!)
    await agent.print('main', 'three')
    await until(() => viewer.shown?.end === 13)
    const shown = viewer.port.of('terminal:output').map(({ data, encoding }) => Buffer.from(data, encoding).toString())
    t.equal(shown.join(''), 'two three')
    t.equal(viewer.port.of('terminal:snapshot').length, 1, 'without a new screen')
    t.equal(viewer.port.of('terminal:exit').length, 0)
    t.match(await type(3), { status: 'ok' })
    t.same(agent.typed, ['3'])
  }
})

t.test('[TM25] a viewer that joins before the agent reconnects is shown its terminal afterwards', async t => {
  for (const answers of [false, true]) {
    const { cluster, b, agent, until } = start(t)
    agent.begin('main')
    await agent.print('main', 'one ')
    const early = new SimulatedViewer('early', b, { agentId: 'a1', terminalId: 'other' })
    await until(() => early.port.frames.length > 0 && b.hub.reflection.find('a1', 'main') !== undefined)
    agent.disconnect()
    cluster.kill('a')
    cluster.elect('c')
    // Ensures that the next active node has reported that it knows no terminals yet.
    await settled(until, b.hub.input(early.port, { agentId: 'a1', terminalId: 'main', data: 'x', inputSeq: 1 }))
    const open = { agentId: 'a1', terminalId: 'main', answers } as const
    const viewers = (['bytes', 'snapshot'] as const).map(mode => new SimulatedViewer(mode, b, { ...open, mode }))
    await until(() => viewers.every(({ port }) => port.frames.length > 0))
    viewers.push(new SimulatedViewer('second', b, open))
    await until(() => viewers.every(({ port }) => port.frames.length > 0))
    const reader = new SimulatedViewer('reader', b, { ...open, mode: 'whole' })
    agent.connect(cluster.active!)
    await agent.print('main', 'two')
    await until(() => [...viewers, reader].every(({ shown }) => shown?.end === 7))
    for (const viewer of viewers)
      if (viewer.open.mode !== 'snapshot') t.same(await viewer.look(), agent.look('main'), viewer.id)
    t.equal(reader.whole('main').bytes.toString(), 'one two')
    cluster.stop()
  }
})

t.test('[TM25] a viewer that joins while the agent reconnects is shown its terminal', async t => {
  const { cluster, b, agent, until } = start(t)
  agent.begin('main')
  await agent.print('main', 'one ')
  const early = new SimulatedViewer('early', b, { agentId: 'a1', terminalId: 'other' })
  await until(() => early.port.frames.length > 0 && b.hub.reflection.find('a1', 'main') !== undefined)
  agent.disconnect()
  cluster.kill('a')
  cluster.elect('c')
  await settled(until, b.hub.input(early.port, { agentId: 'a1', terminalId: 'main', data: 'x', inputSeq: 1 }))
  // The gateway's request and the active node's announcement cross.
  const viewer = new SimulatedViewer('v', b, { agentId: 'a1', terminalId: 'main' })
  agent.connect(cluster.active!)
  await agent.print('main', 'two')
  await until(() => viewer.shown?.end === 7)
  t.same(await viewer.look(), agent.look('main'))
})

t.test('[TM14] [TM24] a program’s query is answered once, by one attached viewer across all nodes', async t => {
  const { cluster, b, c, agent, until } = start(t)
  agent.begin('main')
  const watcher = new SimulatedViewer('watcher', b, { agentId: 'a1' })
  await until(() => watcher.shown?.terminalId === 'main')
  await agent.print('main', '\x1b[5n')
  await until(() => watcher.shown?.end === 4 && agent.typed.length > 0)
  const [first, second] = [b, c].map(
    (node, i) => new SimulatedViewer(`attached${i}`, node, { agentId: 'a1', answers: true }),
  ) as [Seen, Seen]
  await until(() => first.shown?.end === 4 && second.shown?.end === 4)
  const told = (viewer: Seen) => viewer.port.of('terminal:snapshot').at(-1)?.answersFrom
  t.same([told(first), told(second)], [4, undefined], 'only one of them answers')
  await agent.print('main', '\x1b[5n')
  await until(() => [watcher, first, second].every(({ shown }) => shown?.end === 8))
  b.hub.leave(first.port)
  await until(() => b.hub.reflection.wanted.length === 1)
  t.match(await settled(until, b.hub.input(watcher.port, { agentId: 'a1', data: 'x', inputSeq: 1 })), { status: 'ok' })
  await agent.print('main', '\x1b[>c')
  await until(() => agent.typed.length === 3)
  t.same(
    agent.typed,
    ['\x1b[0n', 'x', '\x1b[>0;276;0c'],
    'the attached viewer gets the second query; after it leaves, the server answers',
  )

  agent.disconnect()
  cluster.kill('a')
  await agent.print('main', '\x1b[6n')
  cluster.elect('c')
  agent.connect(c)
  await until(() => agent.typed.length === 4)
  t.same(agent.typed[3], '\x1b[1;1R', 'a query sent during the takeover is answered, and none is answered twice')
  const third = new SimulatedViewer('third', b, { agentId: 'a1', answers: true })
  await until(() => third.shown?.end === 16)
  t.equal(told(third), undefined, 'the viewer at the new active node keeps answering')
  c.hub.leave(second.port)
  agent.disconnect()
  cluster.kill('c')
  cluster.add('a')
  cluster.elect('a')
  const news = new SimulatedAgent('a2')
  news.connect(cluster.active!)
  agent.connect(cluster.active!)
  await until(() => cluster.active!.hub.reflection.find('a1', 'main')?.end === 16)
  await agent.print('main', '\x1b[c')
  await until(() => agent.typed.length === 5)
  t.equal(agent.typed[4], '\x1b[?1;2c', 'a node that has not seen the terminal does not answer old queries')
})

t.test('[TM24] a terminal that begins again under the same id is shown from the start', async t => {
  const { b, agent, until } = start(t)
  agent.begin('main')
  await agent.print('main', 'the first')
  const viewers = [
    new SimulatedViewer('named', b, { agentId: 'a1', terminalId: 'main' }),
    new SimulatedViewer('newest', b, { agentId: 'a1' }),
  ]
  await until(() => viewers.every(({ shown }) => shown?.end === 9))
  agent.exit('main', 0)
  agent.begin('main')
  await agent.print('main', 'the second one')
  await until(() => viewers.every(({ shown }) => shown?.end === 14))
  for (const viewer of viewers) t.equal((await viewer.look()).screen, 'the second one')
  agent.begin('next')
  await agent.print('next', 'another')
  await until(() => viewers[1]?.shown?.terminalId === 'next' && viewers[1].shown.end === 7)
  t.equal(viewers[0]?.shown?.terminalId, 'main')
})

t.test('[TM25] a terminal whose program restarted during a takeover counts as a new one', async t => {
  const { cluster, b, agent, until } = start(t)
  agent.begin('main')
  await agent.print('main', 'old')
  const viewer = new SimulatedViewer('v', b, { agentId: 'a1' })
  await until(() => viewer.shown?.end === 3)
  agent.disconnect()
  cluster.kill('a')
  agent.bootId = 'b2'
  agent.begin('main')
  await agent.print('main', 'new, and longer')
  cluster.elect('c')
  agent.connect(cluster.active!)
  await until(() => viewer.shown?.end === 15)
  t.equal((await viewer.look()).screen, 'new, and longer')
})

t.test(
  '[TM24] [TM25] random histories of output, viewers, cuts and takeovers end with the same screen everywhere',
  async t => {
    // SEED is the first seed.
    for (let i = 0; i < SEEDS; i++) await play(t, Number(process.env.SEED ?? 1) + i)
  },
)

const PIECES = [
  '$ ls\r\n',
  '日本 🙂 ',
  '\x1b[1;32mok\x1b[m ',
  '\x1b[2J\x1b[H',
  '\x1b[?1049h\x1b[Hfull\x1b[?1049l',
  '\x1b[5;10H',
  'é',
]

async function play(t: Test, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const clock = new FakeClock()
  const options = {
    clock,
    screens,
    random,
    delayMs: 20,
    onFault: (fault: unknown) => t.fail(`seed ${seed}`, { fault }),
  }
  const cluster = new TerminalCluster(options)
  for (const name of ['a', 'b', 'c']) cluster.add(name)
  cluster.elect('a')
  const agent = new SimulatedAgent('a1')
  agent.connect(cluster.active!)
  const running = new Set<string>()
  const viewers: SimulatedViewer[] = []
  const anyNode = () => random.pick([...cluster.nodes.values()])
  const story: string[] = []
  let count = 0
  const acts: Record<string, () => void | Promise<void>> = {
    begin: () => {
      const id = ['main', 'one', 'two'].find(each => !agent.has(each)) ?? `t${++count}`
      running.add(id)
      agent.begin(id)
    },
    print: async () => {
      for (const id of running) {
        const text = Array.from({ length: random.below(30) }, () => random.pick(PIECES)).join('')
        const bytes = Buffer.from(text)
        const cut = random.below(bytes.length + 1)
        await agent.print(id, bytes.subarray(0, cut))
        await agent.print(id, bytes.subarray(cut))
      }
    },
    // All floods together are shorter than the backlog at which a screen starts to skip.
    flood: async () => {
      const [id] = running
      if (id !== undefined) await agent.print(id, `${'x'.repeat(70)}\r\n`.repeat(random.below(300)))
    },
    // On an empty screen, because a restored terminal wraps and scrolls old lines differently.
    size: async () => {
      const [id] = running
      if (id === undefined) return
      await agent.print(id, '\x1b[2J\x1b[3J\x1b[H')
      agent.resize(id, { cols: 40 + random.below(60), rows: 10 + random.below(20) })
    },
    exit: () => {
      const id = random.pick([...running, 'none'])
      if (running.delete(id)) agent.exit(id, 0)
    },
    view: () => {
      const terminalId = random.pick([undefined, 'main', 'one'])
      const mode = random.pick(['bytes', 'bytes', 'snapshot', 'whole'] as const)
      const open = { agentId: 'a1', ...(terminalId && { terminalId }), mode, answers: random.below(3) === 0 }
      if (viewers.length < 8) viewers.push(new SimulatedViewer(`v${++count}`, anyNode(), open))
    },
    leave: () => {
      const [viewer] = viewers.splice(random.below(viewers.length + 1), 1)
      viewer?.node.hub.leave(viewer.port)
    },
    ack: () => {
      for (const viewer of viewers) if (random.below(2) === 0) viewer.ack()
    },
    reconnect: () => {
      if (cluster.active) agent.connect(cluster.active)
    },
    cut: () => {
      const node = anyNode()
      node.wire.isLost = () => random.below(3) === 0
      clock.setTimeout(() => {
        node.wire.isLost = () => false
      }, random.below(4000))
    },
    move: () => {
      agent.disconnect()
      cluster.elect(undefined)
      clock.setTimeout(() => {
        cluster.elect(anyNode().name)
        clock.setTimeout(() => cluster.active && agent.connect(cluster.active), random.below(1000))
      }, random.below(3000))
    },
    kill: () => {
      const node = anyNode()
      const isActive = cluster.active === node
      if (isActive) agent.disconnect()
      cluster.kill(node.name)
      for (const viewer of viewers) if (viewer.node === node) viewer.move(anyNode())
      cluster.add(node.name)
      if (isActive) acts.move?.()
    },
    time: () => {},
  }
  const weights = ['print', 'print', 'print', 'ack', 'ack', 'time', 'time', ...Object.keys(acts)]
  acts.begin?.()
  for (let step = 0; step < 60; step++) {
    const name = random.pick(weights)
    story.push(name)
    await acts[name]!()
    for (let turn = random.below(8); turn >= 0; turn--) {
      await new Promise(setImmediate)
      clock.advance(1 + random.below(30))
    }
  }
  // Everything recovers, and viewers render all that they are sent.
  for (const node of cluster.nodes.values()) node.wire.isLost = () => false
  const calm = async (ms: number) => {
    for (let at = 0; at < ms; at += 10) {
      await new Promise(setImmediate)
      clock.advance(10)
      for (const viewer of viewers) viewer.ack()
    }
  }
  await calm(8000)
  if (!cluster.active) cluster.elect('b')
  agent.connect(cluster.active!)
  for (const id of running) await agent.print(id, `end of ${id}`)
  const expected = ({ open, node }: SimulatedViewer) =>
    open.terminalId ?? node.hub.reflection.find('a1', undefined)?.terminalId ?? 'main'
  const isDone = (viewer: SimulatedViewer) => {
    const { shown, open } = viewer
    const id = expected(viewer)
    // Counts only the terminal that it reads now, which may have printed nothing.
    if (open.mode === 'whole') return viewer.wholeEnd(id) >= agent.length(id)
    return shown?.terminalId === id && shown.end >= agent.length(id)
  }
  // Screens are rendered in real time, by a thread that may get little of it. A stuck viewer fails with its seed.
  const stuck = AbortSignal.timeout(20_000)
  while (!viewers.every(isDone) && !stuck.aborted) await calm(100)
  await calm(2000)
  for (const viewer of viewers) {
    const { id, node, open } = viewer
    const about = `seed ${seed}: ${id} (${open.mode}, ${open.terminalId ?? 'newest'}) at ${node.name}: ${story.join(' ')}`
    if (!isDone(viewer)) t.fail(about, { shown: viewer.shown, expected: expected(viewer) })
    const terminalId = expected(viewer)
    if (!agent.has(terminalId)) continue
    if (open.mode === 'whole') {
      const { bytes, gap } = viewer.whole(terminalId)
      if (!gap && !bytes.equals(agent.output(terminalId))) t.fail(about)
    } else if (open.mode === 'bytes') {
      const [seen, drawn] = [await viewer.look(), agent.look(terminalId)]
      if (JSON.stringify(seen) !== JSON.stringify(drawn)) t.same(seen, drawn, about)
    }
  }
  cluster.stop()
  t.pass(`seed ${seed}`)
}
