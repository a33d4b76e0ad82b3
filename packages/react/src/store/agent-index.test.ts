import type { Agent } from '@fleetwire/protocol'
import t from 'tap'
import { agent } from '../testing/scripted-fleet.ts'
import { type AgentQuery, agentRules } from './agent-index.ts'
import { agentStatus } from './agent-status.ts'

const fleet = [
  agent('a1', { name: 'Zoe', labels: { team: 'red' }, work: 'working' }),
  agent('a2', { name: 'Ann', labels: { team: 'blue' }, lastSeenAt: 5 }),
  agent('a3', { name: 'Ben', kind: 'acp', openInteractions: 1 }),
  agent('a4', { name: 'Cid', labels: { team: 'red' }, link: 'offline', status: 'offline' }),
] as Agent[]

function order(query: AgentQuery) {
  const rules = agentRules(query)
  const places = fleet.map(one => [one.agentId, rules.place(one)] as const).filter(([, place]) => place !== undefined)
  return rules.result(new Map(places) as never)
}
const ids = (query: AgentQuery) => order(query).ids.join(' ')

t.test('the status is the first that applies, from who needs somebody to who is away', t => {
  const of = (over: object, more = {}) => agentStatus(agent('a', over) as Agent, more)
  t.equal(of({ openInteractions: 1, work: 'error', link: 'offline' }), 'needs-you')
  t.equal(of({ work: 'waiting' }), 'needs-you')
  t.equal(of({ work: 'waiting', link: 'offline' }), 'offline')
  t.equal(of({ status: 'error', work: 'stalled' }), 'error')
  t.equal(of({ work: 'working' }, { hasUnseenFailure: true }), 'error')
  t.equal(of({ work: 'stalled', link: 'late' }), 'stalled')
  t.equal(of({ work: 'working', link: 'late' }), 'late')
  t.equal(of({ work: 'working' }), 'working')
  t.equal(of({ running: ['c1'] }), 'working')
  t.equal(of({ work: 'starting' }), 'starting')
  t.equal(of({}), 'idle')
  t.equal(of({ work: 'stalled', link: 'offline' }), 'offline')
  t.equal(of({ work: 'stopped' }), 'offline')
  t.end()
})

t.test('order: the most urgent first, then by name; or as asked', t => {
  t.equal(ids({}), 'a3 a1 a2 a4')
  t.equal(ids({ sort: { by: 'name' } }), 'a2 a3 a4 a1')
  t.equal(ids({ sort: { by: 'name', direction: 'desc' } }), 'a1 a4 a3 a2')
  t.equal(ids({ sort: { by: 'lastSeenAt', direction: 'desc' } }), 'a2 a3 a4 a1')
  t.equal(ids({ unseenFailures: ['a4'] }), 'a3 a4 a1 a2')
  t.end()
})

t.test('filters: all that is named must match', t => {
  t.equal(ids({ where: { status: ['idle', 'offline'] } }), 'a2 a4')
  t.equal(ids({ where: { labels: { team: 'red' } } }), 'a1 a4')
  t.equal(ids({ where: { labels: { team: 'red' }, link: 'online' } }), 'a1')
  t.equal(ids({ where: { text: ' ZO ' } }), 'a1')
  t.equal(ids({ where: { text: 'team=blue' } }), 'a2')
  t.equal(ids({ where: { text: '' } }), 'a3 a1 a2 a4')
  t.equal(ids({ where: { ids: ['a1', 'a9'] } }), 'a1')
  t.equal(ids({ where: { kind: 'acp', work: 'idle' } }), 'a3')
  t.equal(ids({ where: { labels: { constructor: 'x' } } }), '')
  t.end()
})

t.test('groups: by status in its order, by a label with those without it last', t => {
  t.same(order({ groupBy: 'status' }).groups, [
    { key: 'needs-you', ids: ['a3'] },
    { key: 'working', ids: ['a1'] },
    { key: 'idle', ids: ['a2'] },
    { key: 'offline', ids: ['a4'] },
  ])
  t.same(order({ groupBy: 'team' }).groups, [
    { key: 'blue', ids: ['a2'] },
    { key: 'red', ids: ['a1', 'a4'] },
    { key: '', ids: ['a3'] },
  ])
  t.same(order({ groupBy: 'constructor' }).groups, [{ key: '', ids: ['a3', 'a1', 'a2', 'a4'] }])
  t.same(order({ groupBy: 'team' }).ids, ['a2', 'a1', 'a4', 'a3'], 'the order is that of the groups')
  t.end()
})
