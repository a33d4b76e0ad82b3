import t from 'tap'
import { Outbox } from './outbox.ts'

const delta = (text: string, messageId = 'm1', sessionId = 's1') => ({ sessionId, messageId, delta: text })
const drain = (outbox: Outbox) => {
  const frames: { n: number; type: string; payload: { delta?: string; message?: string } }[] = []
  for (let text = outbox.next(); text !== undefined; text = outbox.next()) frames.push(JSON.parse(text))
  return frames
}

t.test('waiting deltas of one message leave as one frame, also when sessions alternate', async t => {
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

t.test('a frame that was on any socket stays as it was: the server may have it', async t => {
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

t.test('deltas that differ in what they concern are not joined, and joins are bounded', async t => {
  const outbox = new Outbox(1e6)
  outbox.push('message:delta', { ...delta('a'), commandId: 'c1' })
  outbox.push('message:delta', { ...delta('b'), commandId: 'c2' })
  outbox.push('message:delta', { ...delta('x'.repeat(16_000)), commandId: 'c2' })
  outbox.push('message:delta', { ...delta('y'.repeat(16_000)), commandId: 'c2' })
  t.same(
    drain(outbox).map(({ payload }) => payload.delta!.length),
    [1, 16_001, 16_000],
  )
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
