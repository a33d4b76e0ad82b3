import type { Agent, AgentSummary } from '@fleetwire/protocol'
import t from 'tap'
import { shownStatus, statusSince, statusWord } from './agent-status.ts'

const agent = (fields: Partial<Agent> = {}): Agent => ({
  ...{ agentId: 'a', name: 'a', kind: 'exec', version: '1', labels: {}, capabilities: {}, maxConcurrency: 1 },
  ...{ status: 'online', link: 'online', work: 'idle', detail: '', evidence: 'reported', lastSeenAt: 50 },
  ...{ connectedAt: 10, running: [], openInteractions: 0, ...fields },
})
const ended = (status: NonNullable<AgentSummary['last']>['status'], endedAt = 100): AgentSummary => ({
  ...{ agentId: 'a', queued: 0, openInteractions: 0 },
  last: { commandId: 'c', kind: 'shell', title: 'make', status, endedAt },
})

t.test('the first that applies decides', async t => {
  const of = (fields: Partial<Agent>, summary?: AgentSummary, seenAt = 0) => shownStatus(agent(fields), summary, seenAt)
  t.equal(of({}), 'idle')
  t.equal(of({ work: 'starting' }), 'starting')
  t.equal(of({ work: 'working' }), 'working')
  t.equal(of({ running: ['c'] }), 'working', 'a command runs, whatever the agent says')
  t.equal(of({ link: 'late', work: 'working' }), 'late')
  t.equal(of({ link: 'late', work: 'stalled' }), 'stalled')
  t.equal(of({ link: 'offline', work: 'working', running: ['c'] }), 'offline', 'what is gone does not work')
  t.equal(of({ link: 'offline', openInteractions: 1 }), 'needs-you')
  t.equal(of({ link: 'offline', work: 'waiting' }), 'offline')
  t.equal(of({ work: 'waiting' }), 'needs-you')
  t.equal(of({ work: 'error' }), 'error')
  t.equal(of({ work: 'stopped' }), 'offline')
})

t.test('a bad end counts until somebody has looked', async t => {
  for (const status of ['failed', 'lost', 'timed_out', 'expired'] as const) {
    t.equal(shownStatus(agent(), ended(status), 99), 'error')
    t.equal(shownStatus(agent(), ended(status), 100), 'idle')
  }
  t.equal(shownStatus(agent(), ended('succeeded'), 0), 'idle')
  t.equal(statusWord('error', agent(), ended('lost')), 'Lost')
  t.equal(statusWord('error', agent({ work: 'error' }), ended('lost')), 'Error')
  t.equal(statusSince('error', agent(), ended('lost')), 100)
  t.equal(statusSince('offline', agent(), undefined), 50)
})
