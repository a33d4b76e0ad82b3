import type { WireEvent } from '@fleetwire/protocol'
import t from 'tap'
import { entriesOf, rowsOf } from './entries.ts'

let cursor = 0
const event = (type: string, at: number, payload: object): WireEvent => ({
  ...{ type, at, payload, topic: 'agents.a.x', cursor: `c${++cursor}` },
})
const command = (fields: object) => ({
  commandId: 'cmd',
  kind: 'shell',
  input: 'npm test',
  createdBy: 'ann',
  ...fields,
})
const agent = (fields: object) => ({
  agentId: 'a',
  link: 'online',
  work: 'idle',
  detail: '',
  evidence: 'inferred',
  ...fields,
})
const said = (events: WireEvent[]) =>
  entriesOf(events).map(({ title, detail }) => (detail ? `${title}: ${detail}` : title))

t.test('a command from the queue to its end, the newest first', async t => {
  t.same(
    said([
      event('command:queued', 1, command({ status: 'queued' })),
      event('command:dispatched', 2, command({ status: 'dispatched' })),
      event('command:running', 3, command({ status: 'running' })),
      event('command:progress', 4, command({ status: 'running' })),
      event('command:failed', 1003, command({ status: 'failed', startedAt: 3, endedAt: 1003, exitCode: 2 })),
    ]),
    ['Failed, exit code 2, after 1.0 s: npm test', 'Started: npm test', 'Queued by ann: npm test'],
  )
  t.same(said([event('command:cancelled', 1, command({ status: 'cancelled', confirmed: true }))]), [
    'Cancelled, confirmed by the agent: npm test',
  ])
  t.match(
    said([event('command:cancelled', 1, command({ status: 'cancelled', confirmed: false }))])[0],
    /Stop not confirmed/,
  )
})

t.test('of the agent’s record only what has changed', async t => {
  t.same(
    said([
      event('agent:status', 1, agent({})),
      event('agent:status', 2, agent({ openInteractions: 1 })),
      event('agent:status', 3, agent({ work: 'working', detail: 'compiling', evidence: 'reported' })),
      event('agent:status', 4, agent({ work: 'working', detail: 'compiling', link: 'offline' })),
      event('agent:status', 5, agent({ work: 'idle', link: 'offline' })),
      event('agent:status', 6, agent({ work: 'stalled', link: 'offline' })),
    ]),
    ['Now stalled: inferred', 'Connection lost', 'Now working: compiling', 'Connected'],
  )
})

t.test('a tool call is one entry', async t => {
  const of = { toolCallId: 't1', sessionId: 's' }
  const start = event('tool:start', 10, { ...of, name: 'search' })
  t.same(said([start]), ['Tool search started'])
  t.same(said([start, event('tool:args', 11, of), event('tool:end', 250, of)]), ['Tool search ended after 240 ms'])
  t.same(said([event('tool:end', 250, { ...of, error: { message: 'gone' } }), start]), [
    'Tool search failed after 240 ms: gone',
  ])
  t.same(said([event('tool:end', 250, of)]), ['Tool tool ended'], 'its start is not loaded')
})

t.test('usage, errors, lifecycle, requests; deltas are left out', async t => {
  t.same(
    said([
      event('message:delta', 1, {}),
      event('usage:reported', 2, { costUsd: 0.031, inputTokens: 2310, model: 'small' }),
      event('agent:error', 3, { message: 'disk full', code: 'enospc' }),
      event('agent:lifecycle', 4, { lifecycle: 'crashed', signal: 'SIGKILL' }),
      event('interaction:resolved', 5, {
        ...{ title: 'Delete?', options: [{ id: 'y', label: 'Allow', effect: 'allow' }] },
        resolution: { optionId: 'y', by: 'ann', via: 'ws', at: 5 },
      }),
      event('message:end', 6, { sessionId: 's', incomplete: true }),
      event('message:end', 7, { sessionId: 's', text: 'done' }),
    ]),
    [
      'Message cut off',
      'Allow by ann: Delete?',
      'Agent crashed: signal SIGKILL',
      'Error: enospc: disk full',
      'Usage: $0.03, 2,310 tokens in, small',
    ],
  )
})

t.test('quiet times stand between entries', async t => {
  const rows = rowsOf(
    entriesOf([
      event('agent:error', 0, { message: 'a' }),
      event('agent:error', 59_999, { message: 'b' }),
      event('agent:error', 200_000, { message: 'c' }),
    ]),
  )
  t.same(
    rows.map(row => (row.kind === 'gap' ? row.ms : row.entry.detail)),
    ['c', 140_001, 'b', 'a'],
  )
})
