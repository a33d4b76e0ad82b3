import type { Command } from '@fleetwire/protocol'
import t from 'tap'
import { stopping } from './stop-proof.ts'

const command = (fields: Partial<Command>): Command => ({
  ...{ commandId: 'c', agentId: 'a', kind: 'shell', input: 'x', attempt: 1, priority: 0, whenBusy: 'enqueue' },
  ...{ createdBy: 'me', createdAt: 1, startedAt: 2, queueTtlMs: 1, runTimeoutMs: 0, onLost: 'fail', status: 'running' },
  ...(fields as object),
})

t.test('a stop is under way until the command ends, and counts from when the server took it', async t => {
  t.same(stopping(undefined, 5), { state: 'stopping', since: 5 })
  t.same(stopping(command({}), 5), { state: 'stopping', since: 5 })
  t.same(stopping(command({ cancelRequestedAt: 7, phase: 'cancelling' }), 5), { state: 'stopping', since: 7 })
})

t.test('what the end proves', async t => {
  const text = (fields: Partial<Command>) => {
    const view = stopping(command(fields), 5)
    return view.state === 'ended' ? view.text : view.state
  }
  t.equal(text({ status: 'cancelled', confirmed: true }), 'Stopped, confirmed by the agent')
  t.equal(text({ status: 'cancelled', confirmed: false }), 'Stop not confirmed')
  t.equal(text({ status: 'timed_out', confirmed: false }), 'Stop not confirmed')
  t.equal(text({ status: 'succeeded' }), 'Succeeded before it could be stopped')
  t.equal(text({ status: 'lost' }), 'Lost before it could be stopped')
  const { startedAt: _, ...queued } = command({ status: 'cancelled' })
  t.match(stopping(queued, 5), { text: 'Stopped before it started' })
})
