import type { Agent, Interaction } from '@fleetwire/protocol'
import t from 'tap'
import { attentionQueue } from './attention.ts'

const request = (interactionId: string, fields: Partial<Interaction> = {}): Interaction => ({
  ...{ interactionId, agentId: `of-${interactionId}`, kind: 'permission', title: 'Delete?', description: '' },
  ...{ risk: 'low', defaultOnTimeout: 'deny', state: 'open', createdAt: 1 },
  options: [{ id: 'yes', label: 'Yes', effect: 'allow' }],
  ...fields,
})
const failure = (agentId: string) => ({
  ...{ agentId, last: { commandId: `c-${agentId}`, kind: 'shell', title: 'x', status: 'failed' as const, endedAt: 5 } },
})

t.test('the riskiest first, then what waits longest, then failures and stalled ones', async t => {
  const queue = attentionQueue(
    [
      request('low-old', { title: 'a', createdAt: 1 }),
      request('high-new', { title: 'b', risk: 'high', createdAt: 9 }),
      request('high-old', { title: 'c', risk: 'high', createdAt: 2 }),
      request('unknown', { title: 'd', risk: 'unknown' }),
    ],
    [failure('a1')],
    [
      {
        agentId: 'a2',
        work: 'stalled',
        detail: 'no output',
        lastSeenAt: 3,
        running: ['c1'],
        openInteractions: 0,
      } as unknown as Agent,
      {
        agentId: 'a3',
        work: 'waiting',
        detail: '',
        lastSeenAt: 3,
        running: ['c2'],
        openInteractions: 0,
      } as unknown as Agent,
      {
        agentId: 'a4',
        work: 'waiting',
        detail: '',
        lastSeenAt: 3,
        running: [],
        openInteractions: 1,
      } as unknown as Agent,
    ],
  )
  t.same(
    queue.map(({ key }) => key),
    ['high-old', 'high-new', 'unknown', 'low-old', 'c-a1', 'stalled a2 c1', 'waiting a3 c2'],
  )
})

t.test('what asks the same is one row; any difference in what would be allowed keeps rows apart', async t => {
  const one = { type: 'command', preview: 'rm -rf build', digest: 'd1' }
  const queue = attentionQueue(
    [
      request('1', { subject: one, createdAt: 5 }),
      request('2', { subject: one, createdAt: 4 }),
      request('3', { subject: { ...one, preview: 'rm -rf /' } }),
      request('4', { subject: one, options: [{ id: 'no', label: 'No', effect: 'deny' }] }),
    ],
    [],
    [],
  )
  const groups = queue.map(row => row.kind === 'request' && row.requests.map(({ interactionId }) => interactionId))
  t.same(groups, [['3'], ['4'], ['2', '1']])
})
