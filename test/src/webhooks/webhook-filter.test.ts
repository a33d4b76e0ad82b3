import t from 'tap'
import type { FleetEvent } from '../../../src/log/event-log.ts'
import { isTypeWanted, isWanted, typeFlaw } from '../../../src/webhooks/webhook-filter.ts'
import type { WebhookRecord } from '../../../src/webhooks/webhook-record.ts'

const webhook = (fields: Partial<WebhookRecord> = {}): WebhookRecord => ({
  ...{
    webhookId: 'whk_1',
    name: '',
    url: 'https://example.com',
    topics: ['>'],
    events: [],
    labels: {},
    format: 'json',
  },
  ...{ status: 'active', secrets: [], rights: { sub: 'ada', role: 'admin', agents: ['*'] }, vouched: { sub: 'ada' } },
  ...{ createdBy: 'ada', createdAt: 0, updatedAt: 0 },
  ...fields,
})
const event = (type: string, topic: string, more: Partial<FleetEvent> = {}): FleetEvent => ({
  ...{ seq: 1, cursor: 'e.1', type, topic, at: 0, json: '{}', payload: {} },
  ...more,
})
const labels: Record<string, Record<string, string>> = { 'build-1': { team: 'web', os: 'linux' }, 'build-2': {} }
const wants = (fields: Partial<WebhookRecord>, e: FleetEvent) => isWanted(webhook(fields), e, id => labels[id])

t.test('[WH3] types are matched by name, or with *', async t => {
  const wanted = (events: string[], type: string) => isTypeWanted({ events }, type)
  for (const [pattern, type, fits] of [
    ['command:succeeded', 'command:succeeded', true],
    ['command:succeeded', 'command:succeeded2', false],
    ['command:*', 'command:failed', true],
    ['command:*', 'agent:status', false],
    ['*', 'task:created', true],
    ['*:created', 'task:created', true],
    ['*:created', 'task:creates', false],
    ['c*d:*d', 'command:failed', true],
    ['custom:*-*', 'custom:a-b', true],
    ['custom:*-*', 'custom:ab', false],
    ['a*a', 'a', false],
    ['*a*', 'bab', true],
    ['**', 'x', true],
    ['custom:a.b', 'custom:aXb', false],
  ] as const) {
    t.equal(wanted([pattern], type), fits, `${pattern} ${type}`)
  }
})

t.test('[WH3] a type that can never occur is refused', async t => {
  for (const pattern of [
    'comand:failed',
    'command',
    'command:',
    'Command:failed',
    'x:*',
    'agent:summary',
    'terminal:output',
  ])
    t.match(typeFlaw(pattern), /is not an event type|is not stored/, pattern)
  for (const pattern of [
    'command:failed',
    'command:*',
    'c*',
    '*',
    '*:created',
    'custom:deploy',
    'custom:*',
    'message:delta',
  ])
    t.equal(typeFlaw(pattern), undefined, pattern)
})

t.test('[WH3] frequent events are sent only to webhooks that name them', async t => {
  for (const type of ['message:delta', 'tool:args', 'agent:metrics']) {
    for (const events of [[], ['*'], ['message:*', 'tool:*', 'agent:*']]) t.equal(isTypeWanted({ events }, type), false)
    t.equal(isTypeWanted({ events: ['*', type] }, type), true)
  }
  t.equal(isTypeWanted({ events: [] }, 'message:end'), true)
})

t.test('[WH3] topics match as for subscribers, including by task', async t => {
  const command = event('command:queued', 'agents.build-1.commands.c1', { taskId: 't1' })
  for (const [topics, fits] of [
    [['agents.*.commands.*'], true],
    [['tasks.t1.>'], true],
    [['tasks.t2.>'], false],
    [['tasks.t2.>', 'agents.build-1.>'], true],
    [['agents.build-2.>'], false],
  ] as const) {
    t.equal(wants({ topics: [...topics] }, command), fits, topics.join())
  }
})

t.test('[WH3] labels are those of the agent that the event is about', async t => {
  const of = (agentId: string) => event('agent:error', `agents.${agentId}.log`)
  t.equal(wants({ labels: { team: 'web' } }, of('build-1')), true)
  t.equal(wants({ labels: { team: 'web', os: 'linux' } }, of('build-1')), true)
  t.equal(wants({ labels: { team: 'web', os: 'bsd' } }, of('build-1')), false)
  t.equal(wants({ labels: { team: 'web' } }, of('build-2')), false)
  t.equal(wants({ labels: { team: 'web' } }, of('unknown')), false)
  t.equal(wants({ labels: { constructor: 'x' } }, of('build-1')), false)
  const task = event('task:created', 'tasks.t1.status', { payload: { agentId: 'build-1' } })
  t.equal(wants({ labels: { team: 'web' } }, task), true)
  t.equal(wants({ labels: { team: 'web' } }, event('task:created', 'tasks.t2.status')), false, 'about no agent')
})

t.test('[WH4] a webhook is sent what its creator may see', async t => {
  const rights = { sub: 'nina', role: 'admin' as const, agents: ['mine-*'] }
  const of = (topic: string, more = {}) => wants({ rights }, event('agent:error', topic, more))
  t.equal(of('agents.mine-1.log'), true)
  t.equal(of('agents.theirs-1.log'), false)
  t.equal(of('system.audit'), false)
  t.equal(of('users.nina.inbox'), true)
  t.equal(of('users.ada.inbox'), false)
  t.equal(of('tasks.t.status', { payload: { agentId: 'theirs-1' } }), false)
  t.equal(of('users.nina.inbox', { agentId: 'theirs-1' }), false)
  const blind = { ...rights, scopes: ['admin' as const] }
  t.equal(wants({ rights: blind }, event('agent:error', 'agents.mine-1.log')), false, 'the creator may not read')
})
