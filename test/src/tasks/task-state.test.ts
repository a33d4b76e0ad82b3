import { type Task, taskActions, taskStatuses } from '@fleetwire/protocol'
import { test } from 'tap'
import { changeTask, hasEnded, type TaskEvent } from '../../../src/tasks/task-state.ts'

const of = (status: Task['status'], fields: Partial<Task> = {}): Task => ({
  ...{ taskId: 't', title: 'Ship', description: '', status, labels: {}, progress: 0.5, confidence: 0, message: '' },
  ...{ createdAt: 1, updatedAt: 1, ...fields },
})
const act = (action: (typeof taskActions)[number], fields = {}): TaskEvent => ({ kind: 'act', action, fields })
const report = (verb: Extract<TaskEvent, { kind: 'report' }>['verb'], fields = {}, agentId = 'a1'): TaskEvent => ({
  ...{ kind: 'report', verb, taskId: 't', agentId, fields },
})
/** What an event makes of a task, in short: the new status, or why nothing changes. */
const verdict = (task: Task | undefined, event: TaskEvent) => {
  const decision = changeTask(task, event, 9)
  return decision.to === 'next' ? `${decision.task.status} ${decision.type}` : decision.why
}

test('[TK1] [TK3] [TK4] every action has its outcome in every state', t => {
  const table = {
    //           start                      pause                  complete                    fail                 cancel
    pending: [
      'running task:started',
      'paused task:paused',
      'completed task:completed',
      'failed task:failed',
      'cancelled task:cancelled',
    ],
    running: [
      'already',
      'paused task:paused',
      'completed task:completed',
      'failed task:failed',
      'cancelled task:cancelled',
    ],
    paused: [
      'running task:started',
      'already',
      'completed task:completed',
      'failed task:failed',
      'cancelled task:cancelled',
    ],
    completed: ['ended', 'ended', 'already', 'ended', 'ended'],
    failed: ['ended', 'ended', 'ended', 'already', 'ended'],
    cancelled: ['ended', 'ended', 'ended', 'ended', 'already'],
  }
  for (const status of taskStatuses) {
    t.same(
      taskActions.map(action => verdict(of(status), act(action))),
      table[status],
      status,
    )
  }
  t.same(
    taskActions.map(action => verdict(undefined, act(action))),
    Array(5).fill('absent'),
  )
  t.end()
})

test('[TK2] [TK7] the fields of an action are stored, and an end has its time', t => {
  const started = changeTask(of('pending'), act('start', { message: 'off we go' }), 9)
  t.match(started, { task: { status: 'running', startedAt: 9, updatedAt: 9, message: 'off we go' } })
  const done = changeTask(of('running', { startedAt: 5 }), act('complete', { result: { ok: true } }), 9)
  t.match(done, { task: { progress: 1, startedAt: 5, endedAt: 9, result: { ok: true } } })
  const again = changeTask(of('running', { startedAt: 5 }), act('start', { message: 'still' }), 9)
  t.match(again, { type: 'task:updated', task: { status: 'running', startedAt: 5, message: 'still' } })
  const resumed = changeTask(of('paused', { startedAt: 5 }), act('start'), 9)
  t.match(resumed, { task: { startedAt: 5 } }, 'a resumed task keeps its first start')
  t.end()
})

test('[TK5] only create and start create a task', t => {
  t.equal(verdict(undefined, report('create')), 'pending task:created')
  t.equal(verdict(undefined, report('start')), 'running task:started')
  for (const verb of ['update', 'progress', 'pause', 'complete', 'fail', 'cancel'] as const) {
    t.equal(verdict(undefined, report(verb)), 'absent', verb)
  }
  t.match(changeTask(undefined, report('create'), 9), {
    task: { title: 't', agentId: 'a1', createdAt: 9, progress: 0 },
  })
  t.end()
})

test('[TK6] a task belongs to the agent that started it; a task without an agent accepts reports from its assignee', t => {
  t.match(changeTask(of('pending'), report('start'), 9), { task: { agentId: 'a1', status: 'running' } })
  for (const status of ['pending', 'running', 'paused'] as const) {
    for (const verb of ['create', 'update', 'progress', 'pause', 'complete', 'fail', 'cancel'] as const) {
      t.equal(verdict(of(status), report(verb)), 'foreign', `${verb} of one that is ${status}`)
    }
  }
  for (const verb of ['progress', 'pause', 'complete', 'fail', 'cancel'] as const) {
    const decision = changeTask(of('pending'), { ...report(verb), given: true } as TaskEvent, 9)
    t.match(decision, { task: { agentId: 'a1' } }, `${verb} by the assignee`)
  }
  for (const verb of ['create', 'start', 'update', 'progress', 'complete'] as const) {
    t.equal(verdict(of('running', { agentId: 'a2' }), report(verb)), 'foreign', verb)
  }
  t.end()
})

test('[TK3] progress after the end changes nothing', t => {
  for (const status of taskStatuses) {
    const task = of(status, { agentId: 'a1' })
    const expected = hasEnded(task)
      ? 'ended'
      : status === 'pending'
        ? 'running task:started'
        : `${status} task:progress`
    t.equal(verdict(task, report('progress', { progress: 0.7 })), expected, status)
  }
  t.end()
})

test('an edit changes the named fields, a replacement all fields', t => {
  const task = of('running', { description: 'long', labels: { a: 'b' }, agentId: 'a1', startedAt: 4 })
  const edited = changeTask(task, { kind: 'edit', fields: { title: 'New' } }, 9)
  t.match(edited, {
    type: 'task:updated',
    task: { title: 'New', description: 'long', labels: { a: 'b' }, updatedAt: 9 },
  })
  const replaced = changeTask(task, { kind: 'replace', taskId: 't', fields: { title: 'New' } }, 9)
  t.match(replaced, {
    to: 'next',
    task: { title: 'New', description: '', status: 'running', createdAt: 1, startedAt: 4 },
  })
  t.same(replaced.to === 'next' && [replaced.task.labels, replaced.task.agentId], [{}, undefined])
  const ended = changeTask(of('completed', { endedAt: 3 }), { kind: 'edit', fields: { title: 'New' } }, 9)
  t.match(ended, { type: 'task:updated', task: { title: 'New', status: 'completed', endedAt: 3 } })
  t.end()
})

test('a status in an edit performs the action that leads to it', t => {
  t.equal(verdict(of('pending'), { kind: 'edit', fields: {}, status: 'running' }), 'running task:started')
  t.equal(verdict(of('running'), { kind: 'edit', fields: {}, status: 'running' }), 'running task:updated')
  t.equal(verdict(of('running'), { kind: 'edit', fields: {}, status: 'pending' }), 'begun')
  t.equal(verdict(of('failed'), { kind: 'edit', fields: {}, status: 'running' }), 'ended')
  const imported = changeTask(
    undefined,
    { kind: 'create', taskId: 't', fields: { title: 'x' }, status: 'completed' },
    9,
  )
  t.match(imported, { type: 'task:created', task: { status: 'completed', progress: 1, endedAt: 9 } })
  t.equal(verdict(of('running'), { kind: 'create', taskId: 't', fields: {} }), 'exists')
  t.end()
})
