import type { EventPayloads } from '@fleetwire/protocol'
import t from 'tap'
import { StreamDrafts } from '../../../src/sessions/stream-drafts.ts'
import type { StreamEvent } from '../../../src/sessions/stream-item.ts'
import { startFleet } from '../../helpers/fleet.ts'

const of = { agentId: 'a1', sessionId: 's1' }
const delta = (text: string, more: Partial<EventPayloads['message:delta']> = {}): StreamEvent => ({
  type: 'message:delta',
  payload: { ...of, messageId: 'm1', delta: text, ...more },
})
const args = (text: string, toolCallId = 't1'): StreamEvent => ({
  type: 'tool:args',
  payload: { ...of, toolCallId, delta: text },
})

function joined(events: StreamEvent[]): unknown[] {
  const drafts = new StreamDrafts()
  for (const event of events) drafts.addEvent(event)
  return drafts.take().map(({ type, payload }) => {
    const { messageId, toolCallId, delta, commandId } = payload as Record<string, string>
    return [type, messageId ?? toolCallId, ...(commandId === undefined ? [] : [commandId]), delta].join(' ')
  })
}

t.test('[SE20] only deltas that continue the same text are joined into one event', async t => {
  t.same(joined([delta('a'), delta('b'), delta('c')]), ['message:delta m1 abc'])
  t.same(joined([args('{'), args('}')]), ['tool:args t1 {}'])
  t.same(joined([delta('a'), delta('b', { messageId: 'm2' }), delta('c')]), [
    'message:delta m1 a',
    'message:delta m2 b',
    'message:delta m1 c',
  ])
  t.same(joined([delta('a'), args('b'), delta('c')]), ['message:delta m1 a', 'tool:args t1 b', 'message:delta m1 c'])
  t.same(joined([delta('a'), delta('b', { sessionId: 's2' })]).length, 2)
  t.same(joined([delta('a'), delta('b', { commandId: 'c1' }), delta('c', { commandId: 'c1' })]), [
    'message:delta m1 a',
    'message:delta m1 c1 bc',
  ])
  t.same(joined([delta('a', { taskId: 'x' }), delta('b', { taskId: 'y' })]).length, 2)
  const long = 'x'.repeat(10 * 1024)
  t.same(
    joined([delta(long), delta(long), delta('y')]).map(text => String(text).length),
    [10_257, 10_258],
  )
  t.same(joined([delta('\ud83d'), delta('\ude00')]), ['message:delta m1 😀'], 'halves of a character are joined')
})

t.test('other events keep their place between deltas', async t => {
  const drafts = new StreamDrafts()
  drafts.addEvent(delta('a'))
  drafts.add([{ type: 'agent:error', topic: 'agents.a1.log', payload: { agentId: 'a1', message: 'oh' } }])
  drafts.add([])
  drafts.addEvent(delta('b'))
  t.same(
    drafts.take().map(({ type }) => type),
    ['message:delta', 'agent:error', 'message:delta'],
  )
})

t.test(
  '[SE20] when frames wait together, every number is acknowledged, the log is shorter, and the text is the same',
  async t => {
    const fleet = await startFleet(t)
    const agent = fleet.agent('a1')
    await agent.hello()
    agent.report('session:start', { sessionId: 's1' })
    agent.report('message:start', { sessionId: 's1', messageId: 'm1' })
    await agent.acked(2)
    const words = Array.from({ length: 500 }, (_, i) => `${i} `)
    for (const word of words) agent.report('message:delta', { sessionId: 's1', messageId: 'm1', delta: word })
    await agent.acked(502)
    const deltas = fleet.events.filter(event => event.type === 'message:delta')
    t.equal(deltas.map(({ payload }) => (payload as { delta: string }).delta).join(''), words.join(''))
    t.ok(deltas.length <= 10, `500 deltas became ${deltas.length} events`)
  },
)
