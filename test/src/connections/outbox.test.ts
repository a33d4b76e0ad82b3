import { frameLines } from '@fleetwire/protocol'
import t from 'tap'
import { Outbox } from '../../../src/connections/outbox.ts'
import { EventBatch, OutboundEvent } from '../../../src/frames/frame-encoder.ts'
import { PacedMessage } from '../../../src/frames/paced-message.ts'
import { framesIn, textFrame } from '../../../src/frames/text-frame.ts'
import { FakeSocket } from '../../helpers/fake-socket.ts'
import { seededRandom } from '../../helpers/random.ts'
import { size } from '../../helpers/sizes.ts'

let seq = 0
const event = (topic: string, name: string) =>
  new OutboundEvent({ seq: ++seq, cursor: `test.${seq}`, type: name, topic, at: 0, json: '{}', payload: {} })
const frame = (type: string) => textFrame(JSON.stringify({ type }))

function setUp(limitBytes = 1_000_000) {
  const socket = new FakeSocket()
  let overflows = 0
  const outbox = new Outbox(socket, limitBytes, { overflowed: () => overflows++ })
  socket.listen({ onDrain: () => outbox.flush() } as Parameters<FakeSocket['listen']>[0])
  return { socket, outbox, overflows: () => overflows }
}

t.test('a shared batch is written as it is, and together with other frames in one write', async t => {
  const { socket, outbox } = setUp()
  const batch = new EventBatch([event('agents.a.log', 'e1'), event('agents.a.log', 'e2')])
  outbox.events(batch)
  outbox.flush()
  t.equal(socket.writes[0], batch.bytes('text'), 'the very same buffer')
  outbox.ordered(frame('snapshot'))
  outbox.events(batch)
  outbox.urgent(frame('reply'))
  outbox.flush()
  t.equal(socket.writes.length, 2)
  t.same(socket.types.slice(2), ['reply', 'snapshot', 'e1', 'e2'])
  t.equal(outbox.bytes, 0)
})

t.test(
  '[OB1] [OB2] a slow reader gets urgent frames first, only the latest records and metrics, streams complete, the rest in order',
  async t => {
    const { socket, outbox } = setUp()
    socket.choke()
    outbox.events(new EventBatch([event('agents.a.status', 's1'), event('agents.a.log', 'l1')]))
    outbox.flush()
    outbox.events(new EventBatch([event('agents.a.metrics', 'm1'), event('agents.a.status', 's2')]))
    outbox.ordered(frame('snapshot'))
    outbox.flush()
    outbox.events(
      new EventBatch([event('agents.a.log', 'l2'), event('agents.a.metrics', 'm2'), event('tasks.t.status', 't1')]),
    )
    outbox.urgent(frame('reply'))
    outbox.flush()
    t.equal(socket.writes.length, 0)
    socket.drain()
    t.same(socket.types, ['reply', 'l1', 's2', 'snapshot', 'l2', 'm2', 't1'])
    t.equal(outbox.bytes, 0)
  },
)

t.test('[OB1] [OB3] a million updates of one record are buffered as one; those of a stream overflow', async t => {
  const { socket, outbox, overflows } = setUp(10_000)
  socket.choke()
  for (let i = 0; i < 100_000; i++) {
    outbox.events(new EventBatch([event('agents.a.status', `s${i}`)]))
    outbox.flush()
  }
  t.ok(outbox.bytes < 200)
  t.equal(overflows(), 0)
  while (overflows() === 0) {
    outbox.events(new EventBatch([event('agents.a.log', 'l')]))
    outbox.flush()
  }
  t.ok(outbox.bytes > 10_000 && outbox.bytes < 10_200)
})

const delta = (messageId: string, text: string) => {
  const payload = { sessionId: 's1', messageId, delta: text }
  const at = { seq: ++seq, cursor: `test.${seq}`, type: 'message:delta', topic: 'agents.a.sessions.s1.messages', at: 0 }
  return new OutboundEvent({ ...at, json: JSON.stringify(payload), payload })
}

t.test('[OB4] adjacent buffered deltas of one message become one, at the position of the last', async t => {
  const { socket, outbox } = setUp()
  socket.choke()
  const put = (...events: OutboundEvent[]) => {
    outbox.events(new EventBatch(events))
    outbox.flush()
  }
  const [s1, d1, s2, d2, l1, d3, n1, d4, d5] = [
    event('agents.a.status', 's1'),
    delta('m1', 'one "quoted" '),
    event('agents.a.status', 's2'),
    delta('m1', 'two é '),
    event('agents.a.log', 'l1'),
    delta('m1', 'three '),
    delta('n1', 'other '),
    delta('m1', 'four '),
    delta('m1', 'five'),
  ] as const
  put(s1, d1)
  put(s2)
  put(d2, l1, d3)
  put(n1, d4)
  put(d5)
  socket.drain()
  const got = socket.frames.map(({ type, cursor, payload }) => [type, cursor, payload.delta])
  t.same(got, [
    ['message:delta', d1.event.cursor, 'one "quoted" '],
    ['s2', s2.event.cursor, undefined],
    ['message:delta', d2.event.cursor, 'two é '],
    ['l1', l1.event.cursor, undefined],
    ['message:delta', d3.event.cursor, 'three '],
    ['message:delta', n1.event.cursor, 'other '],
    ['message:delta', d5.event.cursor, 'four five'],
  ])
  t.equal(outbox.bytes, 0)
})

t.test('[OB4] [OB3] a long answer is buffered in few frames, and still counts against the limit', async t => {
  const { socket, outbox, overflows } = setUp(200_000)
  socket.choke()
  const words = Array.from({ length: 20_000 }, (_, i) => `w${i} `)
  for (const word of words) {
    outbox.events(new EventBatch([delta('m1', word)]))
    outbox.flush()
  }
  t.equal(overflows(), 0, '20,000 separate frames would be 3 MB')
  socket.drain()
  t.ok(socket.frames.length < 6)
  t.equal(socket.frames.map(({ payload }) => payload.delta).join(''), words.join(''))
  t.equal(outbox.bytes, 0)
  socket.choke()
  while (overflows() === 0) {
    outbox.events(new EventBatch([delta('m1', 'more words ')]))
    outbox.flush()
  }
  t.ok(outbox.bytes > 200_000 && outbox.bytes < 200_400)
})

t.test('a long backlog is written in pieces of limited size, and drained() waits for all of it', async t => {
  const { socket, outbox } = setUp(10_000_000)
  socket.choke()
  for (let i = 0; i < 2000; i++) outbox.events(new EventBatch([event('agents.a.log', 'x'.repeat(500))]))
  outbox.flush()
  let done = false
  const drained = outbox.drained().then(() => {
    done = true
  })
  await Promise.resolve()
  t.notOk(done)
  socket.drain()
  await drained
  t.ok(socket.writes.length > 10)
  t.ok(Math.max(...socket.writes.map(({ length }) => length)) < 66_000)
  t.equal(socket.frames.length, 2000)
})

const messagesOf = (socket: FakeSocket) =>
  socket.writes.flatMap(write =>
    [...framesIn(write)].map(({ text }) => frameLines(text.toString()).map(line => JSON.parse(line).type as string)),
  )

t.test('[FR20] frames flushed together are one message from `join` on; frames buffered earlier are not', async t => {
  const { socket, outbox } = setUp()
  const batch = new EventBatch([event('agents.a.log', 'e1'), event('agents.a.log', 'e2')])
  outbox.ordered(frame('first'))
  outbox.ordered(frame('second'))
  outbox.join()
  t.same(messagesOf(socket), [['first'], ['second']])
  outbox.events(batch)
  outbox.flush()
  t.equal(socket.writes.at(-1), batch.bytes('joined'), 'a shared batch is sent as it is: the very same buffer')
  outbox.ordered(frame('snapshot'))
  outbox.events(batch)
  outbox.events(new EventBatch([event('agents.a.log', 'e3')]))
  outbox.urgent(frame('reply'))
  outbox.flush()
  t.same(messagesOf(socket).slice(2), [
    ['e1', 'e2'],
    ['reply', 'snapshot', 'e1', 'e2', 'e3'],
  ])
  t.equal(outbox.bytes, 0)
})

t.test(
  '[FR20] [OB8] a message sent at the pace of its reader is not joined, and nothing is sent before it ends',
  async t => {
    const { socket, outbox } = setUp()
    outbox.join()
    const large = JSON.stringify({ type: 'snapshot', text: 'x'.repeat(200_000) })
    outbox.ordered(frame('before'))
    outbox.events(new EventBatch([event('agents.a.log', 'e1')]))
    outbox.paced(PacedMessage.webSocket(large))
    outbox.events(new EventBatch([event('agents.a.log', 'e2')]))
    outbox.ordered(frame('after'))
    outbox.flush()
    const frames = socket.writes.flatMap(write => [...framesIn(write)])
    t.same(frames[0]?.text.toString().split('\n').length, 2)
    const last = frames.findIndex(({ fin }, i) => i > 0 && fin)
    t.equal(Buffer.concat(frames.slice(1, last + 1).map(({ text }) => text)).toString(), large)
    t.equal(frames.length, last + 2)
    t.same(frames.at(-1)?.text.toString().split('\n').length, 2)
    t.equal(outbox.bytes, 0)
  },
)

t.test(
  '[FR20] joined or not, readers of any pace get the same frames in the same order, and no bytes stay counted',
  async t => {
    const seeds = size('OUTBOX_SEEDS', { quick: 100, full: 300 })
    for (let seed = 1; seed <= seeds; seed++) {
      const runs = [false, true].map(joins => {
        const random = seededRandom(seed)
        const { socket, outbox } = setUp()
        if (joins) outbox.join()
        for (let step = 0; step < 60; step++) {
          const roll = random.below(100)
          if (roll < 10) socket.choke()
          else if (roll < 25) socket.drain()
          else if (roll < 45) outbox.flush()
          else if (roll < 60) outbox.ordered(frame(`o${step}`))
          else if (roll < 70) outbox.urgent(frame(`u${step}`))
          else if (roll < 75)
            outbox.paced(PacedMessage.webSocket(JSON.stringify({ type: `p${step}`, x: 'x'.repeat(70_000) })))
          else {
            const topic = random.pick(['agents.a.log', 'agents.a.status', 'agents.b.metrics'])
            const count = random.pick([1, 2, 9])
            const events = Array.from({ length: count }, (_, i) => event(topic, `e${step}.${i}`))
            if (random.below(4) === 0) outbox.replay(new EventBatch(events))
            else outbox.events(new EventBatch(events))
          }
        }
        socket.drain()
        outbox.flush()
        t.equal(outbox.bytes, 0, `seed ${seed}`)
        const messages: string[] = []
        let open = ''
        for (const { text, fin } of socket.writes.flatMap(write => [...framesIn(write)])) {
          open += text.toString()
          if (!fin) continue
          messages.push(open)
          open = ''
        }
        return messages.flatMap(frameLines).map(line => JSON.parse(line).type as string)
      })
      t.same(runs[1], runs[0], `seed ${seed}`)
    }
  },
)
