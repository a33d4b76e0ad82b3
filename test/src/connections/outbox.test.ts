import t from 'tap'
import { EventBatch, OutboundEvent } from '../../../src/broadcast/frame-encoder.ts'
import { Outbox } from '../../../src/connections/outbox.ts'
import { textFrame } from '../../../src/connections/text-frame.ts'
import { FakeSocket } from '../../helpers/fake-socket.ts'

let seq = 0
const event = (topic: string, name: string) =>
  new OutboundEvent({ seq: ++seq, cursor: `test.${seq}`, type: name, topic, at: 0, json: '{}', payload: {} })
const frame = (type: string) => textFrame(JSON.stringify({ type }))

function setUp(limitBytes = 1_000_000) {
  const socket = new FakeSocket()
  let overflows = 0
  const outbox = new Outbox(socket, { limitBytes, overflowed: () => overflows++ })
  socket.listen({ drained: () => outbox.flush() } as Parameters<FakeSocket['listen']>[0])
  return { socket, outbox, overflows: () => overflows }
}

t.test('a shared batch goes out as it is; together with other frames it is one write', async t => {
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
  '[OB1] [OB2] a slow reader: urgent first, records and metrics in their latest version, streams whole, the rest in order',
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

t.test('[OB1] [OB3] a million updates of one record wait as one; of a stream they overflow', async t => {
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

t.test('what waited long leaves in writes of bounded size, and drained() waits for all of it', async t => {
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
