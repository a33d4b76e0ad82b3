import type { Command } from '@fleetwire/protocol'
import t from 'tap'
import { commandStory } from './command-story.ts'

const command = (fields: Partial<Command> = {}): Command => ({
  ...{ commandId: 'c', agentId: 'a', kind: 'shell', input: 'make', status: 'queued', attempt: 0, priority: 0 },
  ...{ whenBusy: 'enqueue', createdBy: 'ann', createdAt: 1000, queueTtlMs: 0, runTimeoutMs: 0, onLost: 'requeue' },
  ...fields,
})
const event = (type: string, at: number, fields: Partial<Command>) => ({ type, at, payload: command(fields) })

t.test('the events that changed its status, with the gaps between them', async t => {
  const steps = commandStory(command({ status: 'succeeded', attempt: 2 }), [
    event('command:queued', 1000, {}),
    event('command:dispatched', 1010, { status: 'dispatched', attempt: 1 }),
    event('command:running', 1015, { status: 'running', attempt: 1 }),
    event('command:progress', 1020, { status: 'running', attempt: 1 }),
    event('command:queued', 2000, { attempt: 1, reason: 'lease_expired' }),
    event('command:dispatched', 2500, { status: 'dispatched', attempt: 2 }),
    event('command:running', 2501, { status: 'running', attempt: 2 }),
    event('command:succeeded', 3000, { status: 'succeeded', attempt: 2, exitCode: 0 }),
  ])
  t.same(
    steps.map(({ title, gapMs }) => [title, gapMs]),
    [
      ['Stored', undefined],
      ['Sent to the agent (attempt 1)', 10],
      ['The agent is working on it', 5],
      ['Back in the queue', 985],
      ['Sent to the agent (attempt 2)', 500],
      ['The agent is working on it', 1],
      ['Succeeded', 499],
    ],
  )
  t.match(steps[3], { note: /offline longer than its lease/, tone: 'warn' })
})

t.test('a stop that was not confirmed says so, and a late result is told after it', async t => {
  const steps = commandStory(
    command({ status: 'cancelled', lateResult: { status: 'succeeded', attempt: 1, at: 9000 } }),
    [event('command:cancelled', 5000, { status: 'cancelled', confirmed: false })],
  )
  t.match(steps, [
    { title: 'Cancelled, not confirmed by the agent', tone: 'warn' },
    { title: 'A late result arrived: succeeded', gapMs: 4000 },
  ])
})

t.test('without events the record tells what it knows', async t => {
  const steps = commandStory(
    command({
      status: 'lost',
      reason: 'lease_expired',
      dispatchedAt: 1100,
      startedAt: 1200,
      endedAt: 9000,
      attempt: 1,
    }),
    [],
  )
  t.same(
    steps.map(({ title }) => title),
    ['Stored', 'Sent to the agent (attempt 1)', 'The agent is working on it', 'Lost'],
  )
})
