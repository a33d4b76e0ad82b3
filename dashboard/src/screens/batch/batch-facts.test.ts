import { type Batch, type Command, commandStatuses } from '@fleetwire/protocol'
import t from 'tap'
import { batchRules, batchWord, doneCount, failedAgents, retryBody } from './batch-facts.ts'

const batch = (statuses: Command['status'][], over: Partial<Batch> = {}): Batch => ({
  ...{ parentId: 'b', createdBy: 'u', createdAt: 1, selector: { labels: {} }, kind: 'shell', total: statuses.length },
  ...{
    refused: [],
    status: 'running',
    counts: Object.fromEntries(commandStatuses.map(s => [s, 0])) as Batch['counts'],
  },
  commands: statuses.map((status, i) => ({ commandId: `c${i}`, agentId: `a${i}`, status })),
  ...over,
})

t.test('all that did not succeed can be tried again; what somebody stopped is not a failure', async t => {
  const all = batch(['succeeded', 'failed', 'cancelled', 'lost', 'timed_out', 'expired', 'rejected', 'running'])
  t.same(failedAgents(all), ['a1', 'a3', 'a4', 'a5', 'a6'])
  t.equal(doneCount(all), 7)
})

t.test('what it says of itself', async t => {
  t.equal(batchWord(batch(['queued', 'succeeded'])), '1 of 2 done')
  t.equal(batchWord(batch(['running', 'cancelled'], { status: 'stopping', stoppedAt: 2 })), 'Stopping · 1 of 2 done')
  t.equal(batchWord(batch(['succeeded'], { status: 'ended' })), 'All done')
  t.equal(batchWord(batch(['cancelled'], { status: 'ended', stoppedAt: 2, stopReason: 'requested' })), 'Stopped')
  t.equal(
    batchWord(batch(['cancelled'], { status: 'ended', stoppedAt: 2, stopReason: 'failures' })),
    'Stopped after failures',
  )
  t.equal(batchRules(batch([])), 'all at once')
  t.equal(batchRules(batch([], { maxParallel: 10, stopOnFailures: 1 })), '10 at once · stops after 1 failure')
})

t.test('a retry is the same command for the agents where it failed', async t => {
  const of = { kind: 'shell', input: 'make', priority: 5, whenBusy: 'enqueue', queueTtlMs: 9, runTimeoutMs: 0 }
  const again = retryBody(batch(['failed', 'succeeded'], { maxParallel: 2 }), {
    ...of,
    ...{ onLost: 'fail', commandId: 'c0', agentId: 'a0', status: 'failed', attempt: 1, createdBy: 'u', createdAt: 1 },
  } as Command)
  t.same(again, { selector: { ids: ['a0'] }, command: { ...of, onLost: 'fail' }, maxParallel: 2 })
})
