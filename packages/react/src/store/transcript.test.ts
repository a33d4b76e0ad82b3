import t from 'tap'
import { OlderItems } from './older-items.ts'
import { Transcript } from './transcript.ts'

const of = { agentId: 'a1', sessionId: 's1' }
const message = (type: string, messageId: string, more: object = {}, at = 1) => ({
  type: `message:${type}`,
  at,
  payload: { ...of, messageId, ...more },
})
const tool = (type: string, toolCallId: string, more: object = {}, at = 1) => ({
  type: `tool:${type}`,
  at,
  payload: { ...of, toolCallId, ...more },
})

t.test('messages and tool calls in the order in which they began', t => {
  const transcript = new Transcript()
  transcript.apply(message('start', 'm1', { role: 'assistant', taskId: 't1' }))
  transcript.apply(message('delta', 'm1', { delta: 'Hel' }))
  const before = transcript.get('m1')
  const { ids } = transcript
  transcript.apply(message('delta', 'm1', { delta: 'lo' }))
  t.match(before, { text: 'Hel', state: 'open' }, 'an item never changes')
  t.equal(transcript.ids, ids, 'the ids are the same until an item comes')
  transcript.apply(tool('start', 'x1', { name: 'grep' }))
  transcript.apply(tool('args', 'x1', { delta: '{"for"' }))
  transcript.apply(tool('args', 'x1', { delta: ':1}' }))
  t.match(transcript.get('x1'), { name: 'grep', argsText: '{"for":1}', state: 'open', startedAt: 1 })
  transcript.apply(tool('end', 'x1', { result: 5 }, 3))
  t.match(transcript.get('x1'), { args: { for: 1 }, result: 5, state: 'ended', endedAt: 3 })
  transcript.apply(message('end', 'm1', {}, 4))
  t.match(transcript.get('m1'), { text: 'Hello', state: 'ended', role: 'assistant', taskId: 't1', startedAt: 1 })
  transcript.apply(message('end', 'm1', { text: 'Hello!', incomplete: true }, 4))
  t.match(transcript.get('m1'), { text: 'Hello!', incomplete: true }, 'a text overrides the deltas')
  t.equal(transcript.apply({ type: 'command:queued', payload: {} }), undefined)
  t.same(transcript.ids, ['m1', 'x1'])
  t.end()
})

t.test('a page of older items goes in front; what is known is newer and takes its place there', t => {
  const transcript = new Transcript()
  // Items of a snapshot have no times.
  transcript.apply({ type: 'message:start', payload: { ...of, messageId: 'open', role: 'user', text: 'so far' } })
  transcript.apply(message('start', 'live', { role: 'user' }, 9))
  transcript.apply(message('delta', 'live', { delta: 'newer' }, 9))
  const page = (id: string, startedAt: number) =>
    ({ kind: 'message', messageId: id, role: 'user', text: id, state: 'ended', startedAt }) as const
  t.same(transcript.prepend([page('m5', 5), page('live', 9)]), ['m5'])
  t.same(transcript.ids, ['open', 'm5', 'live'], 'its start is older than the page')
  t.match(transcript.get('live'), { text: 'newer' })
  t.same(transcript.prepend([page('m1', 1), page('open', 2), page('m3', 3)]), ['m1', 'open', 'm3'])
  t.same(transcript.ids, ['m1', 'open', 'm3', 'm5', 'live'])
  t.match(transcript.get('open'), { text: 'so far', startedAt: 2 })
  t.same(transcript.prepend([]), [])
  t.end()
})

t.test('events read backwards become items once their start is read; at the end, even without one', t => {
  const older = new OlderItems()
  const newest = [message('end', 'm2'), message('delta', 'm2', { delta: 'b' }), message('end', 'm1')]
  t.same(older.take(newest, false), [])
  const middle = [message('delta', 'm2', { delta: 'a' }), message('start', 'm2', { role: 'user' })]
  t.match(older.take(middle, false), [{ messageId: 'm2', text: 'ab', state: 'ended' }])
  const last = older.take([message('delta', 'm1', { delta: 'rest' })], true)
  t.match(last, [{ messageId: 'm1', text: 'rest', state: 'ended' }], 'its start left retention')
  t.end()
})
