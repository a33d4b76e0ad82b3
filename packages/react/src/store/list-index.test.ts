import { type Command, compareQueued, type Interaction, type Session, type Task } from '@fleetwire/protocol'
import t from 'tap'
import { command } from '../testing/scripted-fleet.ts'
import type { IndexRules } from './index-view.ts'
import { commandRules, interactionRules, sessionRules, taskRules } from './list-index.ts'

function idsOf<T, P>(rules: IndexRules<T, P, readonly string[]>, records: Record<string, object>): string {
  const places = Object.entries(records).map(([id, record]) => [id, rules.place(record as T)] as const)
  return rules.result(new Map(places.filter(([, place]) => place !== undefined) as [string, P][])).join(' ')
}

t.test('commands: the newest first, or as they will run', t => {
  const records: Record<string, Command> = Object.fromEntries(
    [
      command('c1', { createdAt: 1, status: 'queued' }),
      command('c2', { createdAt: 2, status: 'queued', priority: 5, agentId: 'a2' }),
      command('c3', { createdAt: 3, status: 'queued', runNextAt: 1 }),
      command('c4', { createdAt: 4, status: 'running', taskId: 't1' }),
    ].map(one => [one.commandId, one as Command]),
  )
  t.equal(idsOf(commandRules({}), records), 'c4 c3 c2 c1')
  t.equal(idsOf(commandRules({ status: 'queued', order: 'queue' }), records), 'c3 c2 c1')
  t.equal(idsOf(commandRules({ agentId: 'a2' }), records), 'c2')
  t.equal(idsOf(commandRules({ taskId: 't1', status: ['running', 'queued'] }), records), 'c4')
  t.end()
})

t.test('tasks, requests and sessions', t => {
  const task = (createdAt: number, more = {}) => ({ taskId: `t${createdAt}`, createdAt, status: 'running', ...more })
  const tasks = { t1: task(1), t2: task(2, { parentTaskId: 't1' }), t3: task(3, { agentId: 'a1', status: 'failed' }) }
  t.equal(idsOf(taskRules({}) as IndexRules<Task, never, readonly string[]>, tasks), 't3 t2 t1')
  t.equal(idsOf(taskRules({ parentTaskId: null }), tasks), 't3 t1')
  t.equal(idsOf(taskRules({ parentTaskId: 't1' }), tasks), 't2')
  t.equal(idsOf(taskRules({ status: ['failed'] }), tasks), 't3')
  const ask = (interactionId: string, risk: Interaction['risk'], createdAt: number, state = 'open') => ({
    ...{ interactionId, agentId: 'a1', risk, createdAt, state },
  })
  const asks = { i1: ask('i1', 'low', 1), i2: ask('i2', 'high', 3), i3: ask('i3', 'high', 2) }
  t.equal(idsOf(interactionRules({}), { ...asks, i4: ask('i4', 'high', 1, 'resolved') }), 'i3 i2 i1')
  t.equal(idsOf(interactionRules({ agentId: 'a2' }), asks), '')
  const session = (startedAt: number, status: Session['status']) => ({
    ...{ sessionId: `s${startedAt}`, agentId: 'a1', startedAt, status },
  })
  const sessions = { s1: session(1, 'active'), s2: session(2, 'ended') }
  t.equal(idsOf(sessionRules({ agentId: 'a1' }), sessions), 's2 s1')
  t.equal(idsOf(sessionRules({ agentId: 'a1', status: 'active' }), sessions), 's1')
  t.end()
})

t.test('the order of a queue is the one in which the server runs it', t => {
  const queued = [0, 1, 2].flatMap(runNextAt =>
    [-1, 0].flatMap(priority =>
      ['interrupt', 'enqueue'].flatMap(whenBusy =>
        ['x', 'y'].map(id => {
          const commandId = `${id}${runNextAt}${priority}${whenBusy}`
          return command(commandId, { status: 'queued', priority, whenBusy, ...(runNextAt > 0 && { runNextAt }) })
        }),
      ),
    ),
  ) as Command[]
  const expected = queued.toSorted(compareQueued).map(({ commandId }) => commandId)
  const records = Object.fromEntries(queued.map(one => [one.commandId, one]))
  t.equal(idsOf(commandRules({ order: 'queue' }), records), expected.join(' '))
  t.end()
})
