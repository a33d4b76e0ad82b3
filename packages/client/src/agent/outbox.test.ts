import t from 'tap'
import { fitOutcome } from './fit-outcome.ts'
import { Outbox } from './outbox.ts'

const delta = (text: string, messageId = 'm1', sessionId = 's1') => ({ sessionId, messageId, delta: text })
const drain = (outbox: Outbox) => {
  const frames: { n: number; type: string; payload: { delta?: string; sessionId?: string } }[] = []
  for (let text = outbox.next(); text !== undefined; text = outbox.next()) frames.push(JSON.parse(text))
  return frames
}

t.test('waiting deltas of one message are sent as one frame, even if sessions alternate', async t => {
  const outbox = new Outbox(1e6)
  for (const part of ['a', 'b', 'c']) {
    outbox.push('message:delta', delta(part, 'm1', 's1'))
    outbox.push('message:delta', delta(part.toUpperCase(), 'm2', 's2'))
  }
  outbox.push('message:end', { sessionId: 's1', messageId: 'm1' })
  outbox.push('message:delta', delta('z', 'm1', 's1'))
  t.match(drain(outbox), [
    { n: 1, payload: { delta: 'abc' } },
    { n: 2, payload: { delta: 'ABC' } },
    { n: 3, type: 'message:end' },
    { n: 4, payload: { delta: 'z' } },
  ])
})

t.test('a frame that was handed to a socket does not change, since the server may have it', async t => {
  const outbox = new Outbox(1e6)
  outbox.push('message:delta', delta('a'))
  outbox.next()
  outbox.rewind(0)
  outbox.push('message:delta', delta('b'))
  t.match(drain(outbox), [
    { n: 1, payload: { delta: 'a' } },
    { n: 2, payload: { delta: 'b' } },
  ])
})

t.test('deltas that differ in what they concern are not joined, and leave in bounded parts', async t => {
  const outbox = new Outbox(1e6)
  outbox.push('message:delta', { ...delta('a'), commandId: 'c1' })
  outbox.push('message:delta', { ...delta('b'), commandId: 'c2' })
  outbox.push('message:delta', { ...delta('x'.repeat(16_000)), commandId: 'c2' })
  outbox.push('message:delta', { ...delta('y'.repeat(16_000)), commandId: 'c2' })
  t.same(
    drain(outbox).map(({ payload }) => payload.delta!.length),
    [1, 16_384, 15_617],
  )
})

t.test('long text is cut between characters, into frames below the limit, and nothing of it is lost', async t => {
  const outbox = new Outbox(1e7)
  outbox.maxFrameBytes = 1_000
  const text = `x${'😀'.repeat(3_000)}${'\u0000'.repeat(2_000)}é`
  outbox.push('message:delta', delta(text))
  outbox.push('message:end', { sessionId: 's1', messageId: 'm1' })
  const held = outbox.bytes
  const frames: string[] = []
  for (let frame = outbox.next(); frame !== undefined; frame = outbox.next()) frames.push(frame)
  t.ok(held > text.length)
  t.ok(frames.every(frame => Buffer.byteLength(frame) <= 1_000))
  const parts = frames.slice(0, -1).map(frame => JSON.parse(frame).payload.delta as string)
  t.equal(parts.join(''), text)
  t.ok(parts.every(part => !/\p{Surrogate}/u.test(part)))
  t.match(JSON.parse(frames.at(-1)!), { n: frames.length, type: 'message:end' })
  outbox.ack(frames.length)
  t.equal(outbox.bytes, 0)
  t.ok(outbox.isEmpty)
})

t.test('unrelated reports overtake a long text, related ones wait', async t => {
  const outbox = new Outbox(1e7)
  outbox.push('message:delta', { ...delta('x'.repeat(100_000)), commandId: 'c1' })
  outbox.push('message:end', { sessionId: 's1', messageId: 'm1', commandId: 'c1' })
  outbox.push('command:result', { commandId: 'c1', attempt: 1, status: 'succeeded' })
  outbox.push('command:result', { commandId: 'c2', attempt: 1, status: 'cancelled' })
  outbox.push('agent:status', { work: 'idle' })
  outbox.push('agent:error', { message: 'of a run' }, { run: 'c1' })
  outbox.push('agent:exit', { reason: 'stopped' })
  t.match(
    drain(outbox).map(({ type }) => type),
    [
      ...Array(7).fill('message:delta'),
      'message:end',
      'command:result',
      'command:result',
      'agent:status',
      'agent:error',
      'agent:exit',
    ],
    'all that waits when the exit is reported goes before it, as it came',
  )
  const again = new Outbox(1e7)
  again.push('message:delta', { ...delta('x'.repeat(50_000)), commandId: 'c1' })
  again.push('command:result', { commandId: 'c1', attempt: 1, status: 'succeeded' })
  again.push('command:result', { commandId: 'c2', attempt: 1, status: 'cancelled' })
  again.push('agent:status', { work: 'working' })
  again.push('agent:status', { work: 'idle' })
  t.match(
    drain(again).map(({ type }) => type),
    [
      'message:delta',
      'command:result',
      'agent:status',
      'message:delta',
      'agent:status',
      'message:delta',
      'message:delta',
      'command:result',
    ],
  )
})

t.test('a report about two things waits behind both', async t => {
  const outbox = new Outbox(1e7)
  outbox.push('message:delta', delta('x'.repeat(40_000), 'm1', 's1'))
  outbox.push('message:delta', delta('y'.repeat(40_000), 'm2', 's2'))
  outbox.push('session:end', { sessionId: 's2' }, { run: 'c1' })
  outbox.push('tool:start', { sessionId: 's1', toolCallId: 'k', name: 'ls', commandId: 'c1' })
  outbox.push('session:end', { sessionId: 's1' })
  t.same(
    drain(outbox).map(({ type, payload }) => [type, payload.sessionId]),
    [
      ...Array(3).fill(['message:delta', 's1']),
      ...Array(3).fill(['message:delta', 's2']),
      ['session:end', 's2'],
      ['tool:start', 's1'],
      ['session:end', 's1'],
    ],
  )
})

t.test('text sent in parts is sent again from the first part that was not stored', async t => {
  const outbox = new Outbox(1e7)
  outbox.push('message:delta', delta('a'.repeat(16_384) + 'b'.repeat(16_384)))
  t.match(JSON.parse(outbox.next()!), { n: 1, payload: { delta: /^a+$/ } })
  outbox.push('message:delta', delta('c'))
  outbox.rewind(0)
  t.match(
    drain(outbox).map(({ n, payload }) => [n, payload.delta!.length, payload.delta!.at(-1)]),
    [
      [1, 16_384, 'a'],
      [2, 16_384, 'b'],
      [3, 1, 'c'],
    ],
  )
  outbox.rewind(2)
  t.match(drain(outbox), [{ n: 3, payload: { delta: 'c' } }])
})

t.test('the limit counts what is not stored, joined deltas included', async t => {
  const outbox = new Outbox(200)
  const acked: number[] = []
  outbox.push('agent:error', { message: 'é'.repeat(40) }, { acked: () => acked.push(1) })
  t.throws(() => outbox.push('agent:error', { message: 'é'.repeat(60) }), { code: 'outbox_full' })
  outbox.push(
    'command:result',
    { commandId: 'c', attempt: 1, status: 'failed', error: 'x'.repeat(500) },
    { exempt: true },
  )
  t.throws(() => outbox.push('agent:error', { message: '' }), { code: 'outbox_full' })
  drain(outbox)
  outbox.ack(1)
  outbox.ack(1)
  outbox.ack(99)
  t.same(acked, [1])
  t.equal(outbox.bytes, 0)
  t.ok(outbox.isEmpty)
  outbox.push('agent:error', { message: 'é'.repeat(60) })
  t.match(drain(outbox), [{ n: 3 }], 'an ack of what was never sent changes no number')
})

t.test('[FR18] a report that the server would refuse for its depth is refused here', async t => {
  const outbox = new Outbox(1e7)
  const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
  outbox.push('state:snapshot', { sessionId: 's1', snapshot: nested(64) })
  for (const levels of [65, 100_000]) {
    const push = () => outbox.push('state:snapshot', { sessionId: 's1', snapshot: nested(levels) })
    t.throws(push, { code: 'too_deep', message: 'state:snapshot: a field is nested more than 64 levels deep' })
    const outcome = fitOutcome({ status: 'succeeded', output: nested(levels) }, () => true)
    t.match(outcome, { status: 'failed', error: { code: 'too_deep' } }, 'a result becomes one that arrives')
  }
  t.equal(drain(outbox).length, 1)
})
