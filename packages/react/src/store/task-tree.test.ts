import type { Task } from '@fleetwire/protocol'
import t from 'tap'
import { taskTreeRules } from './task-tree.ts'

const rows = (...tasks: [id: string, createdAt: number, parent?: string][]) => {
  const rules = taskTreeRules({})
  const places = tasks.map(([taskId, createdAt, parentTaskId]) => {
    const task = { taskId, createdAt, parentTaskId, status: 'running' } as Task
    return [taskId, rules.place(task)!] as const
  })
  return rules.result(new Map(places)).map(({ taskId, depth }) => `${'-'.repeat(depth)}${taskId}`)
}

t.test('the newest first, parts below their task in the order in which they were made', async t => {
  t.same(rows(['old', 1], ['new', 5], ['b', 7, 'new'], ['a', 6, 'new'], ['a1', 9, 'a']), [
    'new',
    '-a',
    '--a1',
    '-b',
    'old',
  ])
})

t.test('a part whose whole is not here stands by itself, and circles are shown once', async t => {
  t.same(rows(['a', 1, 'gone'], ['b', 2]), ['b', 'a'])
  t.same(rows(['x', 1, 'y'], ['y', 2, 'x']), ['x', '-y'])
})

t.test('only what matches', async t => {
  const { place } = taskTreeRules({ status: ['failed'] })
  t.equal(place({ taskId: 'a', createdAt: 1, status: 'running' } as Task), undefined)
})
